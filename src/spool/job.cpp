#include "spool/job.h"

#include "mig/action.h"

namespace mig_runner::spool {

mig::Action Job::action() const {
  return mig::Action::parse(action_text).value();
}

}  // namespace mig_runner::spool
