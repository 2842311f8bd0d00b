#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// CLI11's header takes longer to compile than any command: it stays in subcommand.cpp and command_line.cpp.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mig_runner::cli {

// An option or an argument of a subcommand.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& required();
  // What --help calls its value.
  Option& takes(const std::string& value_name);
  // A number from `least` to `most`.
  Option& between(std::size_t least, std::size_t most);
  // One of `values`, whatever way of writing them `plain` knows. May be repeated.
  Option& one_of(const std::vector<std::string>& values, const std::function<std::string(std::string)>& plain);
  // --help shows what its value is where it is not named.
  Option& shows_default();
  // Only one of the two may be named.
  Option& excludes(const Option& other);

 private:
  CLI::Option* option_;
};

// A subcommand of mig-runner, described before the command line is read. What its options are read into is the
// caller's, and lives until then. `help` are one line each.
class Subcommand {
 public:
  // Below `parent`, which owns it.
  Subcommand(CLI::App& parent, const std::string& name, const std::string& help);

  // Arguments: named without dashes, in their order.
  Option argument(const std::string& name, std::string& value, const std::string& help) const;
  Option argument(const std::string& name, std::vector<std::string>& values, const std::string& help) const;
  Option option(const std::string& name, std::string& value, const std::string& help) const;
  Option option(const std::string& name, std::optional<std::string>& value, const std::string& help) const;
  Option option(const std::string& name, std::vector<std::string>& values, const std::string& help) const;
  Option option(const std::string& name, std::size_t& value, const std::string& help) const;
  Option flag(const std::string& name, bool& value, const std::string& help) const;

  // Ends its --help with an example.
  void add_example(const std::string& line) const;
  // Where it is named alone the command line is wrong: one of its own subcommands is to follow.
  void require_part() const;
  // One of those; options of the subcommand may stand behind it.
  Subcommand part(const std::string& name, const std::string& help) const;

  std::string name() const;
  // Whether it stood on the command line.
  bool was_named() const;

 private:
  CLI::App* app_;
};

}  // namespace mig_runner::cli
