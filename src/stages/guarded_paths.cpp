#include "stages/guarded_paths.h"

#include "config/tree_layout.h"

namespace mig_runner::stages {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLaunched = "what is launched";
constexpr std::string_view kExecuted = "what is executed as the runner's user";

}  // namespace

std::vector<GuardedPath> guarded_configuration(const fs::path& runner_cfg, const fs::path& client_cfg,
                                               const fs::path& gpg_home) {
  std::vector<GuardedPath> paths{{runner_cfg, "which jobs, key and API the runner uses"}};
  if (!client_cfg.empty()) paths.push_back({client_cfg, "which key the runner uses and which API it sends to"});
  if (!gpg_home.empty()) {
    for (const auto* name : {"", "secring.gpg", "private-keys-v1.d"})
      paths.push_back({*name == '\0' ? gpg_home : gpg_home / name, "which key signs"});
  }
  return paths;
}

std::vector<GuardedPath> guarded_tree(const fs::path& directory) {
  constexpr std::string_view kResults = "what is collected, and delivered to which plugin";
  return {{directory, kLaunched, Entries::judged},
          {config::runners_in(directory), kLaunched, Entries::judged},
          {config::plugins_in(directory), kExecuted, Entries::judged},
          {config::state_in(directory), kResults},
          {config::database_in(directory), kResults}};
}

std::vector<GuardedPath> guarded_job(const fs::path& directory, const std::string& job, const std::string& plugin) {
  const auto job_directory = config::runners_in(directory) / job;
  std::vector<GuardedPath> paths{{job_directory, kLaunched},
                                 {job_directory / "entity.cfg", kLaunched},
                                 {job_directory / "action.json", kLaunched}};
  for (auto& path : guarded_plugin(directory, plugin)) paths.push_back(std::move(path));
  return paths;
}

std::vector<GuardedPath> guarded_plugin(const fs::path& directory, const std::string& plugin) {
  if (plugin.empty()) return {};
  return {{config::plugins_in(directory) / plugin, kExecuted}};
}

Result<std::vector<OtherWriter>> writers_of(const GuardedPath& guarded, uid_t self) {
  return other_writers(guarded.path, self, guarded.entries);
}

Result<std::string> serious_objection(const std::vector<GuardedPath>& paths, uid_t self) {
  for (const auto& guarded : paths) {
    const auto writers = writers_of(guarded, self);
    if (!writers) return fail("it cannot be told who may write to it: " + writers.error().text(), {}, Retry::later);
    for (const auto& writer : *writers)
      if (writer.is_serious()) return writer.text(writer.place.string(), guarded.reach);
  }
  return "";
}

}  // namespace mig_runner::stages
