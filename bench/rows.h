#pragma once

#include "bench/stand.h"
#include "bench/table.h"

namespace mig_bench {

// Each measures some rows of the table. Throws where it cannot.
Rows launch_rows(const Options& options);
Rows lateness_rows(const Options& options);
Rows collect_rows(const Options& options);
Rows deliver_rows(const Options& options);
Rows jobs_rows(const Options& options);
Rows schedule_rows(const Options& options);
Rows history_rows(const Options& options);

}  // namespace mig_bench
