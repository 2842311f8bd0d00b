#include "cli/runs.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/file_status.h"
#include "config/tree_layout.h"
#include "daemon/configuration.h"
#include "stages/run_files.h"
#include "store/tree_lock.h"

namespace mig_runner::cli {
namespace {

std::filesystem::path state_directory(const Tree& tree) {
  return config::state_in(tree.config().directory);
}

std::optional<std::int64_t> action_id(const std::string& text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) return std::nullopt;
  return id;
}

Result<std::optional<store::Run>> newest_of(store::RunStore& store, const std::string& job) {
  auto newest = store.history(job, 1);
  if (!newest) return tl::unexpected(newest.error());
  if (newest->empty()) return std::nullopt;
  return std::move(newest->front());
}

// None where the runner works alone.
Result<std::vector<store::Member>> members_of(store::Group* group) {
  return group != nullptr ? group->members() : std::vector<store::Member>();
}

}  // namespace

Result<std::unique_ptr<store::RunStore>> open_runs(const Tree& tree, const std::string& command) {
  const auto location = daemon::store_location(tree.config());
  if (!location) return tl::unexpected(location.error());
  return store::RunStore::open_beside(*location, command);
}

Result<std::unique_ptr<store::RunStore>> open_runs_if_any(const Tree& tree, const std::string& command) {
  const auto location = daemon::store_location(tree.config());
  if (location && !location->is_postgresql()) {
    const auto status = file_status(location->file, Symlinks::followed);
    if (!status) return tl::unexpected(status.error());
    if (!*status) return nullptr;
  }
  return open_runs(tree, command);
}

Result<store::Run> find_run(store::RunStore& store, const std::string& name) {
  Result<std::optional<store::Run>> found;
  const auto parsed = store::parse_run_name(name);
  if (parsed) {
    found = store.find(parsed->first, parsed->second);
  } else {
    found = newest_of(store, name);
    if (const auto id = action_id(name); found && !*found && id) found = store.find_action(*id);
  }
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail("there is no such run; `mig-runner history` lists them", name);
  return std::move(**found);
}

Result<PathBelow> result_file_of(const Tree& tree, store::RunStore& store, const store::Run& run) {
  auto path = stages::result_path(tree.config().directory, run);
  if (!path || run.collected_by.empty() || run.collected_by == store::tree_of(store.group())) return path;
  const auto status = file_status(path->whole(), Symlinks::refused);
  if (!status) return tl::unexpected(status.error());
  if (*status) return path;
  const auto colon = run.collected_by.find(':');
  const auto host = run.collected_by.substr(0, colon);
  const auto directory = colon == std::string::npos ? "" : run.collected_by.substr(colon + 1);
  const auto members = members_of(store.group());
  if (!members) return tl::unexpected(members.error());
  const bool there = std::any_of(members->begin(), members->end(),
                                 [&](const store::Member& member) { return member.tree == run.collected_by; });
  const auto file = (std::filesystem::path(directory) / run.result_file).string();
  return fail("its results lie on " + host + ", in " + file + ": " +
                  (there ? "call this command there"
                         : "no runner is at work there; where that machine is lost, `mig-runner collect " + run.name() +
                               "` fetches them again"),
              run.name());
}

Result<bool> anybody_at_work(const Tree& tree, store::RunStore& store) {
  const auto runner = runner_at_work(tree);
  if (!runner) return tl::unexpected(runner.error());
  if (*runner) return true;
  const auto members = members_of(store.group());
  if (!members) return tl::unexpected(members.error());
  return std::any_of(members->begin(), members->end(),
                     [](const store::Member& member) { return member.lease_left.count() > 0; });
}

Result<std::optional<std::string>> runner_at_work(const Tree& tree) {
  return store::TreeLock::holder(state_directory(tree));
}

}  // namespace mig_runner::cli
