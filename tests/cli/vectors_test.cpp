#include "support/vectors.h"

#include <gtest/gtest.h>

#include "cli/command_run.h"
#include "support/scratch_directory.h"

namespace mig_runner::cli {
namespace {

using Json = nlohmann::json;

// The vectors follow the rule that Cuba had when they were made; tzdata 2026f has another from November 2026 on.
std::string zone_of_vectors(const std::string& name) {
  return name == "America/Havana" ? "CST5CDT,M3.2.0/0,M11.1.0/1" : name;
}

void expect_times(const Json& vector, const std::string& zone) {
  const auto& times = vector.at("next");
  SCOPED_TRACE(vector.dump());
  std::string expected;
  for (const auto& time : times) expected += time.get<std::string>() + "\n";
  const auto run = run_command({"next", "--expr", vector.at("expr"), "--from", vector.at("from"), "--zone", zone,
                                "--utc", "--plain", "-n", std::to_string(std::max<std::size_t>(times.size(), 1))});
  EXPECT_EQ(run.out, expected);
  EXPECT_EQ(run.status, times.empty() ? kExitProblem : kExitFine) << run.err;
}

TEST(NextVectors, EveryExpressionInUtc) {
  const auto vectors = test::load_vectors("cron_utc.json");
  ASSERT_GE(vectors.at("valid").size(), 300U);
  for (const auto& vector : vectors.at("valid")) expect_times(vector, "UTC");
}

TEST(NextVectors, EveryChangeOfOffset) {
  const auto vectors = test::load_vectors("cron_dst.json");
  ASSERT_GE(vectors.at("cases").size(), 260U);
  for (const auto& vector : vectors.at("cases")) expect_times(vector, zone_of_vectors(vector.at("zone")));
}

TEST(NextVectors, EveryRefusedExpression) {
  const auto vectors = test::load_vectors("cron_utc.json");
  ASSERT_GE(vectors.at("invalid").size(), 35U);
  for (const auto& vector : vectors.at("invalid")) {
    const auto run = run_command({"next", "--expr", vector});
    EXPECT_EQ(run.status, kExitProblem) << vector;
    EXPECT_EQ(run.out, "") << vector;
    EXPECT_TRUE(run.err.starts_with("mig-runner: column ")) << vector << run.err;
  }
}

// The vectors' times are in nanoseconds, actions are launched with milliseconds: what is finer is cut off.
std::string in_milliseconds(std::string document, const Json& vector) {
  for (const char* field : {"validfrom", "expireafter"}) {
    const auto text = vector.at(field).get<std::string>();
    const auto at = document.find("\"" + text + "\"");
    EXPECT_NE(at, std::string::npos) << text;
    document.replace(at + 1, text.size(), format_utc(parse_rfc3339(text).value()));
  }
  return document;
}

TEST(RenderVectors, EveryActionGivesTheSignedBytes) {
  const test::ScratchDirectory scratch;
  const auto file = scratch.path() / "action.json";
  const auto vectors = test::load_vectors("action_canonical.json");
  ASSERT_EQ(vectors.size(), 174U);
  for (const auto& vector : vectors) {
    SCOPED_TRACE(vector.dump());
    test::write_text(file, vector.at("input").get<std::string>());
    std::vector<std::string> arguments{"render", "--action", file};
    if (vector.contains("error")) {
      const auto run = run_command(arguments);
      EXPECT_EQ(run.status, kExitProblem);
      EXPECT_EQ(run.out, "");
      EXPECT_TRUE(run.err.starts_with("mig-runner: " + file.string() + ":1:")) << run.err;
      continue;
    }
    arguments.insert(arguments.end(), {"--name", vector.at("name"), "--validfrom", vector.at("validfrom"),
                                       "--expireafter", vector.at("expireafter")});
    const auto document = run_command(arguments);
    arguments.emplace_back("--text");
    const auto text = run_command(arguments);
    EXPECT_EQ(text.out, vector.at("signed").get<std::string>());
    EXPECT_EQ(text.status, kExitFine) << text.err;
    // The vectors' documents keep the file's signatures, which the runner drops.
    auto posted = in_milliseconds(vector.at("posted"), vector);
    const auto signatures = Json::parse(posted).at("pgpsignatures").dump();
    posted.replace(posted.find("\"pgpsignatures\":") + 16, signatures.size(), "null");
    EXPECT_EQ(document.out, posted + "\n");
    EXPECT_EQ(document.status, kExitFine);
  }
}

}  // namespace
}  // namespace mig_runner::cli
