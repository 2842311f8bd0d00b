#include "cli/subcommand.h"

#include <CLI/CLI.hpp>

namespace mig_runner::cli {

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::takes(const std::string& value_name) {
  option_->type_name(value_name);
  return *this;
}

Option& Option::between(std::size_t least, std::size_t most) {
  option_->check(CLI::Range(least, most).description(""));
  return *this;
}

Option& Option::one_of(const std::vector<std::string>& values, const std::function<std::string(std::string)>& plain) {
  option_->allow_extra_args(false)->transform(CLI::IsMember(values, plain));
  return *this;
}

Option& Option::shows_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Subcommand::Subcommand(CLI::App& parent, const std::string& name, const std::string& help)
    : app_(parent.add_subcommand(name, help)) {}

Option Subcommand::argument(const std::string& name, std::string& value, const std::string& help) const {
  return option(name, value, help);
}

Option Subcommand::argument(const std::string& name, std::vector<std::string>& values, const std::string& help) const {
  return option(name, values, help);
}

Option Subcommand::option(const std::string& name, std::string& value, const std::string& help) const {
  return Option(app_->add_option(name, value, help));
}

Option Subcommand::option(const std::string& name, std::optional<std::string>& value, const std::string& help) const {
  return Option(app_->add_option_function<std::string>(
      name, [&value](const std::string& text) { value = text; }, help));
}

Option Subcommand::option(const std::string& name, std::vector<std::string>& values, const std::string& help) const {
  return Option(app_->add_option(name, values, help));
}

Option Subcommand::option(const std::string& name, std::size_t& value, const std::string& help) const {
  return Option(app_->add_option(name, value, help));
}

Option Subcommand::flag(const std::string& name, bool& value, const std::string& help) const {
  return Option(app_->add_flag(name, value, help));
}

void Subcommand::add_example(const std::string& line) const {
  app_->footer("-c FILE, here too, names another configuration than /etc/mig/runner.cfg.\n\nExample:\n  " + line);
}

void Subcommand::require_part() const {
  app_->require_subcommand(1);
}

Subcommand Subcommand::part(const std::string& name, const std::string& help) const {
  Subcommand added(*app_, name, help);
  added.app_->fallthrough();
  return added;
}

std::string Subcommand::name() const {
  return app_->get_name();
}

bool Subcommand::was_named() const {
  return app_->parsed();
}

}  // namespace mig_runner::cli
