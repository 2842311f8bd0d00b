// docs/configuration.md and the packaged configuration files against the settings that the code knows.

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>

#include "config/checked.h"
#include "support/scratch_directory.h"

namespace mig_runner::config {
namespace {

const std::string kRoot = MIG_TEST_DATA "/../..";

struct Known {
  KnownNames runner, client, job;
  Known() {
    std::vector<Problem> ignored;
    bind_runner_config("", "", ignored, &runner);
    bind_client_config("", "", ignored, &client);
    bind_job_config("", "", {}, ignored, &job);
  }
};

// Words in backquotes.
std::vector<std::string> code_words(const std::string& text) {
  static const std::regex kQuoted("`([^`]*)`");
  std::vector<std::string> words;
  for (std::sregex_iterator match(text.begin(), text.end(), kQuoted), end; match != end; ++match)
    words.push_back((*match)[1]);
  return words;
}

// The first cells of the tables below a heading of docs/configuration.md.
std::vector<std::string> first_cells(const std::string& heading) {
  std::istringstream lines(test::read_text(kRoot + "/docs/configuration.md"));
  std::vector<std::string> cells;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (inside && line.starts_with("| `")) cells.push_back(line.substr(2, line.find(" | ") - 2));
  }
  return cells;
}

// A cell is "`[section] name`, `name` *new*", the section where it is not `section`.
KnownNames named_by(const std::vector<std::string>& cells, std::string section = "") {
  static const std::regex kSection("\\[([a-z]+)\\] *(.*)");
  KnownNames names;
  for (const auto& cell : cells) {
    for (auto word : code_words(cell)) {
      std::smatch parts;
      if (std::regex_match(word, parts, kSection)) {
        section = parts[1];
        word = std::string(parts[2]);
      }
      if (!word.empty() && !names.emplace(section, word).second) ADD_FAILURE() << word << " is described twice";
    }
  }
  return names;
}

TEST(ConfigurationDocument, DescribesEveryJobSettingAndNoOther) {
  EXPECT_EQ(named_by(first_cells("entity.cfg"), "configuration"), Known().job);
}

TEST(ConfigurationDocument, DescribesEveryClientSettingAndNoOther) {
  EXPECT_EQ(named_by(first_cells("The client configuration")), Known().client);
}

// One row stands for all job settings but those that it names.
TEST(ConfigurationDocument, DescribesEveryRunnerSettingAndNoOther) {
  auto cells = first_cells("runner.cfg");
  const auto defaults =
      std::find_if(cells.begin(), cells.end(), [](const auto& cell) { return cell.starts_with("`[runner]` and any"); });
  ASSERT_NE(defaults, cells.end());
  const auto but = code_words(*defaults);
  cells.erase(defaults);
  auto described = named_by(cells);
  for (const auto& [section, name] : Known().job)
    if (std::find(but.begin(), but.end(), name) == but.end()) described.emplace("runner", name);
  EXPECT_EQ(described, Known().runner);
}

// With every "new" setting that is commented out in place, and without.
TEST(PackagedConfiguration, IsRight) {
  const auto text = test::read_text(kRoot + "/packaging/runner.cfg");
  ASSERT_FALSE(text.empty());
  const auto all = std::regex_replace(text, std::regex("(^|\n);([a-z]+ = )"), "$1$2");
  ASSERT_NE(all, text);
  for (const auto& each : {text, all}) {
    const auto checked = parse_runner_config(each, "runner.cfg");
    for (const auto& problem : checked.problems) ADD_FAILURE() << problem.text();
    ASSERT_TRUE(checked.value.has_value());
    EXPECT_EQ(checked.value->directory, "/var/lib/mig-runner");
    EXPECT_EQ(checked.value->clientconfpath, "/etc/mig/client.cfg");
  }
}

// What is commented out shows the defaults, where it shows something that has one.
TEST(PackagedConfiguration, ShowsTheDefaults) {
  const auto text = test::read_text(kRoot + "/packaging/runner.cfg");
  const auto shown =
      parse_runner_config(std::regex_replace(text, std::regex("(^|\n);([a-z]+ = )"), "$1$2"), "runner.cfg").value;
  const RunnerConfig defaults;
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->checkdirectory, defaults.checkdirectory);
  EXPECT_EQ(shown->maxlaunchesperminute, defaults.maxlaunchesperminute);
  EXPECT_EQ(shown->maxplugins, defaults.maxplugins);
  EXPECT_EQ(shown->delayresults, defaults.delayresults);
  EXPECT_EQ(shown->parallelfetches, defaults.parallelfetches);
  EXPECT_EQ(shown->pagesize, defaults.pagesize);
  EXPECT_EQ(shown->job_defaults.startdeadline, defaults.job_defaults.startdeadline);
  EXPECT_EQ(shown->logging.level, defaults.logging.level);
  EXPECT_EQ(shown->logging.facility, defaults.logging.facility);
}

TEST(PackagedExamples, AreRight) {
  const auto client = test::read_text(kRoot + "/packaging/examples/client.cfg");
  const auto checked_client = parse_client_config(client, "client.cfg");
  for (const auto& problem : checked_client.problems) ADD_FAILURE() << problem.text();
  EXPECT_TRUE(checked_client.value.has_value());
  const auto job = test::read_text(kRoot + "/packaging/examples/job/entity.cfg");
  for (const auto& each : {job, std::regex_replace(job, std::regex("\n;([a-z]+ = )"), "\n$1")}) {
    const auto checked = parse_job_config(each, "entity.cfg", {});
    for (const auto& problem : checked.problems) ADD_FAILURE() << problem.text();
    EXPECT_TRUE(checked.value.has_value());
  }
}

}  // namespace
}  // namespace mig_runner::config
