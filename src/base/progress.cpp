#include "base/progress.h"

namespace mig_runner {
namespace {

thread_local Progress* followed = nullptr;

}  // namespace

void Progress::follow_this_thread() {
  followed = this;
  note();
}

void note_progress() {
  if (followed != nullptr) followed->note();
}

}  // namespace mig_runner
