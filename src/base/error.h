#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace mig_runner {

// Whether the same deed may be tried again after an Error.
enum class Retry {
  no,               // the input or the other side says no: trying again gives the same answer
  anew,             // nothing was done, and the same input would fail again; made anew it may work
  later,            // nothing was done; a later try may work
  outcome_unknown,  // the deed may have been done: find out before trying again
};

// What every fallible function of the project returns in place of a value. `what` is one sentence for an
// operator and never holds a secret; `where` is a file (FILE:LINE:COLUMN), a URL, a job or a run, or empty.
struct Error {
  std::string what;
  std::string where;
  Retry retry = Retry::no;
  // For how long the other side asks to be left alone from now on; 0: it does not say.
  std::chrono::milliseconds wait{0};

  // "WHERE: WHAT", or WHAT alone.
  std::string text() const { return where.empty() ? what : where + ": " + what; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string what, std::string where = {}, Retry retry = Retry::no) {
  return tl::unexpected<Error>(Error{std::move(what), std::move(where), retry, {}});
}

// The same for a failed system call: appends what errno says. Call it before anything else can change errno.
tl::unexpected<Error> fail_errno(std::string what, std::string where = {}, Retry retry = Retry::later);

}  // namespace mig_runner
