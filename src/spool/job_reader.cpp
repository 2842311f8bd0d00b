#include "spool/job_reader.h"

#include <openssl/evp.h>

#include <charconv>

#include "base/file.h"
#include "base/file_status.h"
#include "config/bind.h"
#include "mig/action.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using config::Problem;

constexpr std::size_t kMaxEntityBytes = std::size_t{1} << 20U;

ContentHash content_hash(const std::string& entity, const std::string& action) {
  const auto text = std::to_string(entity.size()) + '\n' + entity + action;
  ContentHash hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return hash;
}

int number_at(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? number : 0;
}

// "LINE:COLUMN" of an Error of Action::parse.
Problem at_line_and_column(const fs::path& file, const Error& error) {
  std::string_view where = error.where;
  const int line = number_at(where);
  if (where.starts_with(':')) where.remove_prefix(1);
  return {file, line, number_at(where), error.what};
}

// "column N" of an Error of Schedule::parse, counted within the setting's value.
Problem at_schedule(const fs::path& file, const config::JobConfig& config, const Error& error) {
  std::string_view where = error.where;
  where.remove_prefix(std::min(where.find_first_of("0123456789"), where.size()));
  const int column = number_at(where);
  return {file, config.schedule_line, config.schedule_column + std::max(column - 1, 0), error.what};
}

// As other crons have it: "CRON_TZ=Europe/Berlin 0 8 * * *". The zone, or empty.
std::string zone_within(const std::string& schedule) {
  for (const std::string_view prefix : {"CRON_TZ=", "TZ="})
    if (schedule.starts_with(prefix))
      return schedule.substr(prefix.size(), schedule.find_first_of(" \t", prefix.size()) - prefix.size());
  return "";
}

std::optional<cron::Schedule> read_schedule(const fs::path& file, const config::JobConfig& config,
                                            std::vector<Problem>& problems) {
  if (config.schedule.empty()) return std::nullopt;  // told by config
  if (const auto zone = zone_within(config.schedule); !zone.empty()) {
    problems.push_back({file, config.schedule_line, config.schedule_column,
                        "a schedule names no zone here: write timezone = " + zone + " on a line of its own"});
    return std::nullopt;
  }
  auto parsed = cron::Schedule::parse(config.schedule);
  if (parsed) return std::move(*parsed);
  problems.push_back(at_schedule(file, config, parsed.error()));
  return std::nullopt;
}

std::optional<cron::Zone> read_zone(const fs::path& file, const config::JobConfig& config,
                                    std::vector<Problem>& problems) {
  const auto& name = config.settings.timezone;
  auto found = name.empty() ? cron::Zone::local() : cron::Zone::find(name);
  if (found) return std::move(*found);
  const bool inherited = config.timezone_line == 0 && !name.empty();
  problems.push_back({file, config.timezone_line, config.timezone_column,
                      (inherited ? "the timezone of all jobs: " : "") + found.error().text()});
  return std::nullopt;
}

bool check_action(const fs::path& file, const std::string& text, std::vector<Problem>& problems) {
  const auto parsed = mig::Action::parse(text);
  if (!parsed) {
    problems.push_back(at_line_and_column(file, parsed.error()));
  } else if (parsed->target().size() > mig::kMaxTargetBytes) {
    problems.push_back({file, 0, 0,
                        "the target has " + std::to_string(parsed->target().size()) + " bytes; the API takes at most " +
                            std::to_string(mig::kMaxTargetBytes)});
  } else {
    return true;
  }
  return false;
}

}  // namespace

Result<std::string> read_action_file(const fs::path& file) {
  const auto status = file_status(file, Symlinks::followed);
  if (status && *status && S_ISREG((*status)->st_mode) &&
      (*status)->st_size > static_cast<std::int64_t>(kMaxActionBytes))
    return fail(file.filename().string() + " is larger than " + std::to_string(kMaxActionBytes >> 20U) + " MiB (" +
                    std::to_string(kMaxActionBytes) + " bytes), the limit for an action",
                file);
  return read_file(file, kMaxActionBytes);
}

JobFiles read_job_files(const fs::path& directory) {
  auto entity = directory / "entity.cfg";
  auto action = directory / "action.json";
  auto entity_text = read_file(entity, kMaxEntityBytes);
  auto action_text = read_action_file(action);
  return {std::move(entity), std::move(action), std::move(entity_text), std::move(action_text)};
}

config::Checked<Job> read_job(JobFiles files, const std::string& name, const config::JobSettings& defaults) {
  config::Checked<Job> checked;
  auto& problems = checked.problems;
  const auto& entity_path = files.entity_path;
  const auto& action_path = files.action_path;
  if (!files.entity) problems.push_back({entity_path, 0, 0, files.entity.error().what});
  if (!files.action) problems.push_back({action_path, 0, 0, files.action.error().what});

  std::optional<config::JobConfig> config;
  std::optional<cron::Schedule> schedule;
  std::optional<cron::Zone> zone;
  if (files.entity) {
    // What can be read of a file with a mistake is checked too: all that is wrong is told at once.
    config = config::bind_job_config(*files.entity, entity_path, defaults, problems);
    schedule = read_schedule(entity_path, *config, problems);
    zone = read_zone(entity_path, *config, problems);
  }
  const bool action = files.action && check_action(action_path, *files.action, problems);
  if (config::any_fatal(problems) || !config || !schedule || !zone || !action) return checked;
  const auto hash = content_hash(*files.entity, *files.action);
  files.action->shrink_to_fit();
  checked.value = Job{name, std::move(*config), std::move(*schedule), *zone, std::move(*files.action), hash};
  return checked;
}

}  // namespace mig_runner::spool
