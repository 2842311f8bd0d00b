#include "cli/runs.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "runner/configuration.h"
#include "store/tree_lock.h"

namespace mig_runner::cli {
namespace {

std::filesystem::path state_directory(const Tree& tree) {
  return tree.config().directory / "state";
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

}  // namespace

Result<std::unique_ptr<store::RunStore>> open_runs(const Tree& tree, const std::string& command) {
  const auto location = runner::store_location(tree.config());
  if (!location) return tl::unexpected(location.error());
  return store::RunStore::open_beside(*location, command);
}

Result<std::unique_ptr<store::RunStore>> open_runs_if_any(const Tree& tree, const std::string& command) {
  std::error_code error;
  const auto location = runner::store_location(tree.config());
  if (location && !location->is_postgresql() && !std::filesystem::exists(location->file, error) && !error)
    return nullptr;
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

std::optional<std::string> runner_at_work(const Tree& tree) {
  return store::TreeLock::holder(state_directory(tree));
}

}  // namespace mig_runner::cli
