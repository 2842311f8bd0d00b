#pragma once

#include <string>
#include <string_view>

#include "sandbox/faults/faults.h"
#include "sandbox/http/message.h"

namespace mig_sandbox {

// Faults that change answers.

// cut_json and broken_json; others leave it as it is.
void spoil(Answer& answer, FaultKind kind);

// The page of a proxy with the fault's status: a redirect names a login page, 429 and 503 say when to come back.
Answer proxy_page(const Fault& fault);

// The document with ids as Go wrote numbers of 64-bit floats before version 1.8: those from 1e6 on as 1e+06.
std::string with_exponent_ids(std::string_view document);

// The list of results of deep_answer and huge_answer: one result, with elements of the fault's size.
void append_spoiled_results(std::string& out, const Fault& fault);

}  // namespace mig_sandbox
