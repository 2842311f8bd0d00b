#pragma once

namespace mig_runner {

// Call it first in main(), before anything is opened:
// - Standard descriptors that are closed are opened on /dev/null: otherwise the next file that is opened would become
//   one, and messages would go into it.
// - The process leaves no core file, and no other process of its user may read its memory: it may hold the key.
// - A file that reaches the limit of its size (ulimit -f) is an error of write(2), not the end of the process.
void prepare_process();

}  // namespace mig_runner
