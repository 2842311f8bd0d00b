#pragma once

#include "cli/output.h"
#include "report/run.h"

namespace mig_runner::cli {

// Green: it ended well; red: somebody should look; yellow: in between; plain: under way.
inline Style outcome_style(const store::Run& run) {
  switch (report::outcome(run)) {
    case report::Outcome::good:
      return Style::green;
    case report::Outcome::in_between:
      return Style::yellow;
    case report::Outcome::bad:
      return Style::red;
    case report::Outcome::under_way:
      return Style::plain;
  }
  return Style::plain;
}

}  // namespace mig_runner::cli
