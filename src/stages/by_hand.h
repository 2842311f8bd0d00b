#pragma once

#include "spool/job.h"
#include "store/run_store.h"

namespace mig_runner::stages {

// What an operator asks for beside the schedule. Each writes into the store what the stages of the runner at work there
// then do, by the same path as for scheduled runs, and returns the run as it is now. An Error of Retry::later: the
// runner works on the run at the moment.

// A run of the job that is due now, whether the job is paused or not.
Result<store::Run> launch_now(store::RunStore& store, const spool::Job& job, Timestamp now);

// Its results go to `plugin` once more, with all its tries.
Result<store::Run> redeliver(store::RunStore& store, store::Run run, const std::string& plugin, Timestamp now);

// Its results are fetched once more, until `deadline`. The file stays unless the API now has other or more answers,
// or it is gone or damaged.
Result<store::Run> collect_again(store::RunStore& store, store::Run run, Timestamp deadline, Timestamp now);

}  // namespace mig_runner::stages
