#include <memory>
#include <ostream>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/runs.h"
#include "config/tree_layout.h"
#include "daemon/configuration.h"
#include "store/administration.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string from, to;
  bool json = false;
};

using store::Location;
using store::SchemaVersions;

Result<Location> configured(const Context& context) {
  const auto tree = Tree::open(context.config);
  if (!tree) return tl::unexpected(tree.error());
  return daemon::store_location(tree->config());
}

// As [runner] store says it, or an SQLite file.
Result<Location> named(const Context& context, const std::string& name) {
  if (name == "sqlite") {
    const auto tree = Tree::open(context.config);
    if (!tree) return tl::unexpected(tree.error());
    return Location::parse(name, config::database_in(tree->config().directory));
  }
  if (name.find("://") != std::string::npos) return Location::parse(name, "");
  if (name.find('/') != std::string::npos) return Location(std::filesystem::path(name));
  // Some other form of a database's address, with a password perhaps, is not repeated.
  if (name.find_first_of("=:@ ") != std::string::npos)
    return fail("a store is neither \"sqlite\", a file with a '/' in its name, nor postgresql://USER@HOST/DATABASE");
  return fail("it is neither \"sqlite\" nor a PostgreSQL URI; a file is named with a '/', such as ./" + name, name);
}

void show(const Context& context, const Options& options, const Location& location, const SchemaVersions& versions,
          const std::string& text) {
  if (options.json) {
    print_json(context.streams, {{"store", location.text()},
                                 {"database", location.is_postgresql() ? "postgresql" : "sqlite"},
                                 {"schema", versions.found},
                                 {"known_schema", versions.known}});
    return;
  }
  context.streams.out << printable(location.text()) << ": " << text << '\n';
}

std::string version_text(const SchemaVersions& versions) {
  const auto found = std::to_string(versions.found);
  const auto known = std::to_string(versions.known);
  if (versions.found == 0) return "no schema; mig-runner store init makes it";
  if (versions.found < versions.known)
    return "schema version " + found + ", this mig-runner needs " + known + ": mig-runner store migrate";
  if (versions.found > versions.known)
    return "schema version " + found + " of a newer mig-runner; this one knows up to " + known;
  return "schema version " + found + ", up to date";
}

int show_status(const Context& context, const Options& options) {
  const auto location = configured(context);
  if (!location) return complain(context, location.error(), kExitCannotStart);
  const auto versions = store::schema_versions(*location);
  if (!versions) return complain(context, versions.error(), kExitProblem);
  show(context, options, *location, *versions, version_text(*versions));
  return versions->found == versions->known ? kExitFine : kExitProblem;
}

// `fresh`: only where there is none yet; else only where there is one.
int make(const Context& context, const Options& options, bool fresh) {
  const auto location = configured(context);
  if (!location) return complain(context, location.error(), kExitCannotStart);
  const auto before = store::schema_versions(*location);
  if (!before) return complain(context, before.error(), kExitProblem);
  if (!fresh && before->found == 0)
    return complain(context, {"there is no schema yet: mig-runner store init makes it", location->text()},
                    kExitProblem);
  if (fresh && before->found != 0 && before->found != before->known)
    return complain(context, {version_text(*before), location->text()}, kExitProblem);
  const auto made = store::make_schema(*location);
  if (!made) return complain(context, made.error(), kExitProblem);
  const auto known = std::to_string(made->known);
  std::string text = "schema version " + known + " made";
  if (made->found != 0) text = "schema version " + std::to_string(made->found) + " brought up to " + known;
  if (made->found == made->known) text = "schema version " + known + " already, nothing to do";
  show(context, options, *location, {made->known, made->known}, text);
  return kExitFine;
}

int copy(const Context& context, const Options& options) {
  const auto from = named(context, options.from);
  if (!from) return complain(context, from.error(), kExitWrongUsage);
  const auto to = named(context, options.to);
  if (!to) return complain(context, to.error(), kExitWrongUsage);
  const auto runs = store::copy_history(*from, *to);
  if (!runs) return complain(context, runs.error(), kExitProblem);
  if (options.json) {
    print_json(context.streams, {{"from", from->text()}, {"to", to->text()}, {"runs", *runs}});
  } else {
    context.streams.out << *runs << (*runs == 1 ? " run" : " runs") << " copied from " << printable(from->text())
                        << " to " << printable(to->text()) << '\n';
  }
  return kExitFine;
}

}  // namespace

Command store_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "store", "Make, show, upgrade or copy the record of runs");
  command.require_part();
  const auto part = [&](const char* name, const char* help) {
    auto added = command.part(name, help);
    added.flag("--json", options->json, "print JSON");
    return added;
  };
  const auto init = part("init", "Make the schema that [runner] store names, where there is none");
  const auto status = part("status", "Show the schema's version");
  part("migrate", "Bring an older schema up to date; stop all runners first");
  const auto copying =
      part("copy", "Copy all history into a store that has none, whole or not at all; stop all runners first");
  constexpr const char* kPlace = "sqlite (the tree's own), a file, or a PostgreSQL URI";
  copying.argument("FROM", options->from, kPlace).required();
  copying.argument("TO", options->to, kPlace).required();
  command.add_example("mig-runner store copy sqlite postgresql://runner@db.example.net/mig");
  return {command, [=, &context] {
            if (status.was_named()) return show_status(context, *options);
            if (copying.was_named()) return copy(context, *options);
            return make(context, *options, init.was_named());
          }};
}

}  // namespace mig_runner::cli
