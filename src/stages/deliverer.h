#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "plugin/plugin.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Pipes stored results into their plugins until each has been accepted: at least once, of each job the oldest first.
// One thread at a time; as many deliverers share a store as plugins may run at once.
class Deliverer {
 public:
  // `stop` ends a running plugin; its delivery is tried again by the next process. `shares` of all deliverers; null:
  // there is one.
  Deliverer(const StageContext& context, const Clock& clock, std::stop_token stop, JobShares* shares = nullptr);

  // Delivers one result. Returns when it wants to be called next; nullopt where nothing waits.
  std::optional<Timestamp> step(Timestamp now);

 private:
  void deliver(store::Run run, Timestamp now);
  void start_plugin(store::Run run, Timestamp now);
  void delivered(store::Run run, Timestamp now);
  void failed(store::Run run, const std::string& how, bool counts, Timestamp now);
  void put_off(store::Run run, const std::string& why, Timestamp now);
  bool choose_plugin(store::Run& run, Timestamp now);
  void collect_again(store::Run run, Timestamp now);
  bool usable_result(store::Run& run, Timestamp now);
  plugin::Request request_for(const store::Run& run, const config::JobSettings& settings) const;

  const StageContext& context_;
  const Clock& clock_;
  std::stop_token stop_;
  Recorder recorder_;
  std::uint64_t term_ = 0;  // of the claim in hand
};

}  // namespace mig_runner::stages
