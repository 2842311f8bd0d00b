// What the programs offer against what documents and completions say of it.

#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "e2e/process.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {
namespace {

const std::string kRoot = MIG_TEST_DATA "/../..";

struct Offer {
  std::set<std::string> commands, options;
};

// Reads the help: options begin their line, commands stand below "Subcommands:".
Offer offer_of(const std::vector<std::string>& command) {
  auto arguments = command;
  arguments.emplace_back("--help");
  std::istringstream lines(run_command(arguments));
  static const std::regex kOption("(?:^|,)(--?[A-Za-z][A-Za-z-]*)");
  Offer offer;
  bool below_commands = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) below_commands = line == "Subcommands:";
    if (!line.starts_with("  ") || line.starts_with("   ")) continue;
    const auto word = line.substr(2, line.find(' ', 2) - 2);
    if (below_commands) offer.commands.insert(word);
    if (word.starts_with('-'))
      for (std::sregex_iterator match(word.begin(), word.end(), kOption), end; match != end; ++match)
        offer.options.insert((*match)[1]);
  }
  return offer;
}

// The word itself, not part of a longer one.
bool has_word(const std::string& text, const std::string& word) {
  return std::regex_search(text, std::regex("(^|[^A-Za-z-])" + word + "($|[^A-Za-z-])"));
}

// fish names options without their dashes.
bool fish_has(const std::string& text, const std::string& option) {
  return option.starts_with("--") ? has_word(text, "-l " + option.substr(2)) : has_word(text, "-s " + option.substr(1));
}

void expect_in_completions(const std::string& program, const Offer& offer) {
  const auto directory = kRoot + "/packaging/completions/";
  const auto bash = read_text(directory + program + ".bash");
  const auto zsh = read_text(directory + "_" + program);
  const auto fish = read_text(directory + program + ".fish");
  for (const auto& command : offer.commands) {
    EXPECT_TRUE(has_word(bash, command)) << command;
    EXPECT_THAT(zsh, testing::HasSubstr("'" + command + ":"));
    EXPECT_TRUE(has_word(fish, "-a " + command)) << command;
  }
  for (const auto& option : offer.options) {
    EXPECT_TRUE(has_word(bash, option)) << option;
    EXPECT_TRUE(has_word(zsh, option)) << option;
    EXPECT_TRUE(fish_has(fish, option)) << option;
  }
}

void expect_described(const std::string& document, const std::set<std::string>& words) {
  const auto text = read_text(kRoot + "/docs/" + document);
  for (const auto& word : words)
    EXPECT_TRUE(std::regex_search(text, std::regex("`" + word + "[` ]"))) << word << " is not in " << document;
}

TEST(Documents, KnowEveryCommandOfTheRunner) {
  const std::string program = std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
  const auto offer = offer_of({program});
  EXPECT_THAT(offer.options, testing::IsSupersetOf({"-c", "-V", "--help"}));
  expect_described("commands.md", offer.commands);
  expect_described("commands.md", offer.options);
  expect_in_completions("mig-runner", offer);
  for (const auto& command : offer.commands) {
    SCOPED_TRACE(command);
    expect_in_completions("mig-runner", offer_of({program, command}));
  }
}

TEST(Documents, CompletionsKnowEveryState) {
  const auto help = run_command({std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", "history", "--help"});
  std::smatch states;
  ASSERT_TRUE(std::regex_search(help, states, std::regex("--state STATE:\\{([^}]*)\\}"))) << help;
  std::istringstream names(states[1]);
  int known = 0;
  for (std::string name; std::getline(names, name, ','); ++known) {
    std::replace(name.begin(), name.end(), ' ', '-');
    for (const auto* file : {"mig-runner.bash", "_mig-runner", "mig-runner.fish"})
      EXPECT_TRUE(has_word(read_text(kRoot + "/packaging/completions/" + file), name)) << name << " in " << file;
  }
  EXPECT_GT(known, 10);
}

TEST(Documents, KnowEveryCommandAndOptionOfTheSandbox) {
  const std::string program = std::string(MIG_BINARY_DIR) + "/sandbox/mig-sandbox";
  const auto offer = offer_of({program});
  EXPECT_THAT(offer.commands, testing::ElementsAre("demo", "serve"));
  expect_in_completions("mig-sandbox", offer);
  for (const auto& command : offer.commands) {
    SCOPED_TRACE(command);
    auto own = offer_of({program, command});
    expect_in_completions("mig-sandbox", own);
    own.options.erase("-h");
    own.options.erase("--help");
    expect_described("sandbox.md", own.options);
  }
}

}  // namespace
}  // namespace mig_runner::test
