#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>

#include "base/file.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/table.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string directory;
  bool json = false;
};

struct NewFile {
  std::string_view name;
  std::string_view what;
  unsigned mode;
  std::string_view text;  // DIRECTORY stands for the tree's path
};

constexpr std::string_view kRunnerCfg = R"(; The runner's configuration. All settings: docs/configuration.md.

[runner]
; Where jobs and plugins are, and where the runner keeps its state.
directory = "DIRECTORY"
; Time zone of all schedules, where a job does not name its own.
;timezone = Europe/Berlin
; Result files that each job keeps: a count, an age, or both.
;keepresults = 30, 720h

[client]
; Where the API is and which key signs.
clientconfpath = "DIRECTORY/migrc"
; What unlocks the key, in the first line of a file that only the runner may read.
;passphrasefile = "DIRECTORY/passphrase"

[logging]
; stdout, stderr, file, syslog or journal
mode = stdout
level = info
)";

constexpr std::string_view kMigrc = R"(; The client configuration, in the form that all of MIG's clients read.

[api]
; The API's address.
;url = "https://mig.example.net/api/v1/"

[gpg]
; The keyring, and in it the investigator's key that signs: its fingerprint of 40 hex digits, as
; gpg --list-secret-keys shows it. Without home it is GNUPGHOME, else ~/.gnupg.
;home = "DIRECTORY/gnupg"
;keyid = 

[targets]
; Names for targets: an action whose target is "linux" gets what stands behind the colon.
macro = "linux:status='online' AND environment->>'os'='linux'"
)";

constexpr std::string_view kEntityCfg =
    R"(; A job: when the action in action.json is launched, and what becomes of the results.

[configuration]
; minute hour day-of-month month day-of-week
schedule = "0 9 * * mon-fri"
; How long agents may take the action.
expiry = 10m
; A program in plugins/ that gets the results on its standard input.
plugin = example-report
; Not launched until this is true or gone. Launch times: mig-runner next example
enabled = false
)";

constexpr std::string_view kActionJson = R"({
  "name": "Which hosts have an /etc/shadow that others may read?",
  "target": "linux",
  "description": {
    "author": "",
    "email": "",
    "url": "",
    "revision": 1
  },
  "threat": {
    "level": "medium",
    "family": "compliance",
    "type": "system"
  },
  "operations": [
    {
      "module": "file",
      "parameters": {
        "searches": {
          "readable-shadow": {
            "paths": ["/etc"],
            "names": ["^shadow$"],
            "modes": ["-......r.."],
            "options": {"maxdepth": 1}
          }
        }
      }
    }
  ]
}
)";

constexpr std::string_view kPlugin = R"(#!/bin/sh
# A plugin gets one result document on standard input. Exit 0: delivered; 75: try again later; else: failed.
# What it prints goes to the runner's log.
set -e
reports="DIRECTORY/reports"
mkdir -p "$reports"
cat > "$reports/$MIG_RUNNER_JOB-$MIG_RUNNER_ACTION_ID.json"
echo "kept results of action $MIG_RUNNER_ACTION_ID in $reports"
)";

constexpr std::array<NewFile, 5> kFiles{{
    {"runner.cfg", "the runner's configuration", 0644, kRunnerCfg},
    {"migrc", "where the API is, which key signs, names for targets", 0600, kMigrc},
    {"runners/example/entity.cfg", "a job: when it is launched", 0644, kEntityCfg},
    {"runners/example/action.json", "and what is launched", 0644, kActionJson},
    {"plugins/example-report", "a plugin that gets its results", 0755, kPlugin},
}};

std::string with_directory(std::string_view text, const fs::path& directory) {
  constexpr std::string_view kName = "DIRECTORY";
  std::string result(text);
  for (auto at = result.find(kName); at != std::string::npos; at = result.find(kName, at)) {
    result.replace(at, kName.size(), directory.string());
    at += directory.string().size();
  }
  return result;
}

// Never over a file that is there.
Result<void> write_new(const fs::path& path, const std::string& text, unsigned mode) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return fail("the directory cannot be made: " + error.message(), path.parent_path());
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return fail_errno("it cannot be made", path);
  for (std::size_t done = 0; done < text.size();) {
    const auto written = write(fd.get(), text.data() + done, text.size() - done);
    if (written < 0) return fail_errno("it cannot be written", path);
    done += static_cast<std::size_t>(written);
  }
  return {};
}

Result<fs::path> usable_directory(const std::string& name) {
  std::error_code error;
  auto directory = fs::absolute(name, error).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  // It stands in quotes in runner.cfg and in a plugin.
  if (directory.string().find_first_of("\"\\$`\n\t") != std::string::npos)
    return fail("a name with quotes, backslashes, $ or line breaks cannot be written into the files", directory);
  const auto status = fs::status(directory, error);
  if (!fs::exists(status)) return directory;
  if (!fs::is_directory(status)) return fail("it is there already and no directory", directory);
  if (!fs::is_empty(directory, error) || error)
    return fail("it is not empty, and nothing is overwritten: name a new directory", directory);
  return directory;
}

int init(const Context& context, const Options& options) {
  const auto directory = usable_directory(options.directory);
  if (!directory) return complain(context, directory.error(), kExitProblem);
  for (const auto& file : kFiles)
    if (auto written = write_new(*directory / file.name, with_directory(file.text, *directory), file.mode); !written)
      return complain(context, written.error(), kExitProblem);
  if (options.json) {
    Json files = Json::array();
    for (const auto& file : kFiles) files.push_back(file.name);
    print_json(context.streams, {{"directory", directory->string()}, {"files", std::move(files)}});
    return kExitFine;
  }
  Table table({{"FILE"}, {"WHAT IT IS"}});
  for (const auto& file : kFiles) table.add({std::string(file.name), std::string(file.what)});
  const auto shown = printable(directory->string());
  context.streams.out << "Made in " << shown << ":\n\n";
  table.print(context.streams);
  context.streams.out << "\nNext: put the API's address and the key's fingerprint into " << shown
                      << "/migrc, then\n  mig-runner check -c " << shown << "/runner.cfg\n";
  return kExitFine;
}

}  // namespace

Command init_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "init", "Make a commented tree to start from, in a new directory");
  command.argument("DIR", options->directory, "the directory; it must not exist, or be empty").required();
  command.flag("--json", options->json, "print JSON");
  command.add_example("mig-runner init /srv/mig-runner");
  return {command, [options, &context] { return init(context, *options); }};
}

}  // namespace mig_runner::cli
