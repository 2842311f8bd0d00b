#pragma once

#include "runner/stage_context.h"

namespace mig_runner::runner {

// Takes over what an original runner left in runners/JOB/inflight/: each action that was launched and not collected
// becomes a posted run. Files stay until their results are stored. What cannot be read is set aside as NAME.damaged
// with one message. Returns how many were taken over.
int adopt_inflight(const StageContext& context, Timestamp now);

}  // namespace mig_runner::runner
