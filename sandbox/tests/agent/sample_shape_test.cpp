#include <gtest/gtest.h>

#include <cctype>

#include "agent/agent_support.h"

// The agent's answers have the shape of those that the real agent gave to the same operations.
namespace mig_sandbox::test {
namespace {

// Types and member names; of a list the shape of its first item.
json shape(const json& value) {
  if (value.is_object()) {
    json members = json::object();
    for (const auto& [key, item] : value.items()) members[key] = shape(item);
    return members;
  }
  if (value.is_array()) return value.empty() ? json::array() : json::array({shape(value[0])});
  if (value.is_number()) return "number";
  return value.type_name();
}

struct Operation {
  std::string module;
  json parameters;
  json answer;
};

std::vector<Operation> operations_of(const std::string& name) {
  const json command = sample(name).at("commands").at(0);
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < command.at("results").size(); ++i) {
    const json& asked = command.at("action").at("operations").at(i);
    operations.push_back({asked.at("module"), asked.at("parameters"), command.at("results").at(i)});
  }
  return operations;
}

TEST(SampleShape, FileStat) {
  const Operation asked = operations_of("file-stat").at(0);
  const json answer = run(asked.module, asked.parameters);
  EXPECT_EQ(shape(answer), shape(asked.answer));
  EXPECT_EQ(answer["elements"]["content"][0]["search"], asked.answer["elements"]["content"][0]["search"]);
  EXPECT_EQ(answer["elements"]["hosts"][0]["search"], asked.answer["elements"]["hosts"][0]["search"]);
  EXPECT_EQ(answer["elements"]["meta"][0]["search"], asked.answer["elements"]["meta"][0]["search"]);
  EXPECT_EQ(answer["elements"]["none"], asked.answer["elements"]["none"]);
  EXPECT_EQ(answer["elements"]["hash"], nullptr);
  EXPECT_LE(answer["elements"]["meta"].size(), 5U);
}

TEST(SampleShape, MissingPathIsTheSameButForTheTime) {
  const Operation asked = operations_of("file-missing-path").at(0);
  json answer = run(asked.module, asked.parameters);
  EXPECT_NE(answer["statistics"]["exectime"], "");
  answer["statistics"]["exectime"] = asked.answer["statistics"]["exectime"];
  EXPECT_EQ(answer, asked.answer);
}

TEST(SampleShape, BadParametersIsTheSame) {
  const Operation asked = operations_of("badparams").at(0);
  EXPECT_EQ(run(asked.module, asked.parameters), asked.answer);
}

TEST(SampleShape, CompressedParameters) {
  const Operation asked = operations_of("compressed_parameters").at(0);
  ASSERT_TRUE(asked.parameters.is_string());
  const json answer = run(asked.module, asked.parameters);
  EXPECT_EQ(answer["elements"], run(asked.module, {{"pkgmatch", {{"matches", {"^libc6$", "openssl"}}}}})["elements"]);
  EXPECT_EQ(shape(answer["statistics"]), shape(asked.answer["statistics"]));
  EXPECT_EQ(answer["errors"], nullptr);

  for (const std::string& broken :
       {std::string("no base64!"), std::string("AAAA"), asked.parameters.get<std::string>().substr(0, 40)}) {
    const json refused = run(asked.module, broken);
    EXPECT_EQ(refused["success"], false) << broken;
    EXPECT_NE(refused["errors"][0].get<std::string>().find("compressed parameters"), std::string::npos) << refused;
  }
}

TEST(SampleShape, Multi) {
  const std::vector<Operation> asked = operations_of("multi");
  ASSERT_EQ(asked.size(), 3U);
  json packages = asked[0].parameters;
  packages["pkgmatch"]["matches"] = {"^dpkg$"};
  EXPECT_EQ(shape(run(asked[0].module, packages)), shape(asked[0].answer));

  const json no_timedrift = run(asked[1].module, asked[1].parameters);
  EXPECT_EQ(no_timedrift["errors"], json({"module 'timedrift' is not available"}));
  EXPECT_EQ(no_timedrift["success"], false);
  EXPECT_EQ(no_timedrift["foundanything"], false);
}

TEST(SampleShape, EveryAnswerHasTheFiveMembers) {
  const std::set<std::string> wanted = {"foundanything", "success", "elements", "statistics", "errors"};
  for (const char* module : {"file", "netstat", "ping", "pkg", "nonsense"}) {
    for (const json& parameters : {json(nullptr), json::object(), json("%%%"), json(17), json::array({1})}) {
      std::set<std::string> members;
      const json answer = run(module, parameters);
      for (const auto& [name, value] : answer.items()) members.insert(name);
      EXPECT_EQ(members, wanted) << module << " " << parameters;
    }
  }
}

TEST(SampleShape, Environment) {
  const json agent = sample("file-stat").at("commands").at(0).at("agent");
  const json here = environment();
  EXPECT_EQ(shape(here).size(), shape(agent["environment"]).size());
  for (const auto& [name, value] : agent["environment"].items()) EXPECT_EQ(here[name].type(), value.type()) << name;
  EXPECT_EQ(here["os"], "linux");
  const auto release =
      lines_of(". /etc/os-release; printf '%s\\n%s\\n%s\\n' \"$ID\" \"$VERSION_ID\" \"$VERSION_CODENAME\"");
  const auto ident = here["ident"].get<std::string>();
  EXPECT_EQ(ident.substr(1), release.at(0).substr(1) + " " + release.at(1) + " " + release.at(2));
  EXPECT_TRUE(std::isupper(ident.at(0)));
}

}  // namespace
}  // namespace mig_sandbox::test
