#include "sandbox/scheduler/local_worker.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "sandbox/base/go_json.h"
#include "sandbox/base/parameters.h"

namespace mig_sandbox {
namespace {

using nlohmann::json;

json failure(const std::string& error) {
  return {{"foundanything", false},
          {"success", false},
          {"elements", nullptr},
          {"statistics", nullptr},
          {"errors", {error}}};
}

// Agents that lack a module say so in the result and call the command failed.
bool is_not_available(const json& result) {
  const auto errors = result.find("errors");
  if (errors == result.end() || !errors->is_array()) return false;
  for (const auto& error : *errors) {
    if (error.is_string() && error.get<std::string>().ends_with("is not available")) return true;
  }
  return false;
}

json run_operation(const LocalAgent::Run& run, const json& operation, Timestamp now, const std::stop_token& stop) {
  const json parameters = operation.value("parameters", json());
  std::string text = go_json(parameters);
  if (operation.value("is_compressed", false)) {
    const auto plain = decompress(parameters.is_string() ? parameters.get<std::string>() : std::string());
    if (!plain) return failure(plain.error().what);
    text = *plain;
  }
  const json result = json::parse(run(operation.value("module", std::string()), text, now, stop));
  return result.is_object() ? result : failure("the local agent answered without a result");
}

std::string result_document(const json& result) {
  const auto member = [&](const char* name) { return result.contains(name) ? go_json(result[name]) : "null"; };
  return R"({"foundanything":)" + member("foundanything") + R"(,"success":)" + member("success") + R"(,"elements":)" +
         member("elements") + R"(,"statistics":)" + member("statistics") + R"(,"errors":)" + member("errors") + "}";
}

}  // namespace

LocalWorker::LocalWorker(const World& world, LocalAgent::Run run) : world_(world), run_(std::move(run)) {}

void LocalWorker::push(LocalJob job) {
  {
    const mig_runner::MutexLock lock(mutex_);
    queue_.push_back(std::move(job));
  }
  filled_.notify_all();
}

void LocalWorker::wait(const std::stop_token& stop) {
  mig_runner::MutexLock lock(mutex_);
  filled_.wait(lock, stop, [&]() REQUIRES(mutex_) { return !queue_.empty(); });
}

bool LocalWorker::run_next(const std::stop_token& stop) {
  mig_runner::MutexLock lock(mutex_);
  if (queue_.empty()) return false;
  const LocalJob job = std::move(queue_.front());
  queue_.pop_front();
  lock.unlock();
  run(job, stop);
  return true;
}

void LocalWorker::run(const LocalJob& job, const std::stop_token& stop) {
  CommandRow command = job.command;
  command.status = "success";
  command.found = 0;
  std::string results = "[";
  const json operations = json::parse(job.operations, nullptr, false);
  for (const auto& operation : operations.is_array() ? operations : json::array()) {
    json result;
    try {
      result = run_operation(run_, operation, world_.clock.now(), stop);
    } catch (const std::exception& e) {
      result = failure(e.what());
    }
    if (is_not_available(result)) command.status = "failed";
    command.found |= result.value("foundanything", false) ? kFoundSomething : kFoundNothing;
    results += (results.size() > 1 ? "," : "") + result_document(result);
  }
  // The command of a server that is stopped stays unanswered: it is run anew after a restart.
  if (stop.stop_requested()) return;
  command.results = results + "]";
  if (job.not_before)
    world_.store.finish_command_later(command, *job.not_before);
  else
    world_.store.finish_command(command, to_micros(world_.clock.now()));
}

}  // namespace mig_sandbox
