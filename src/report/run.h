#pragma once

#include <string>

#include "report/json.h"
#include "store/run.h"

// One run, as people see it.
namespace mig_runner::report {

// "delivered", "stored, incomplete", "delivered, no agents".
std::string outcome_text(const store::Run& run);
// Something is to be said of the results that it has: what is missing, which agents failed, that there were none.
bool has_remark(const store::Run& run);
// How a run came out. `bad`: somebody should look.
enum class Outcome { under_way, good, in_between, bad };
Outcome outcome(const store::Run& run);

// "51", "49 of 51" where some are missing, or nothing before they were collected.
std::string commands_text(const store::Run& run);

// Which members of a group did what: "launched vm1:/srv; collected, delivered vm2:/srv". Empty without a group.
std::string deeds_text(const store::Run& run);

// Nothing more happens to the run by itself, unless an incomplete result gets completed.
bool has_ended(const store::Run& run);

Json run_json(const store::Run& run);

}  // namespace mig_runner::report
