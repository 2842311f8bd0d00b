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
Rows group_rows(const Options& options);

// How the costs of the rows grow, at three sizes each, as tables of their own.
void print_curves();

// How many runs a second a PostgreSQL carries.
void print_group_curve();

// A job that is far from due.
void write_idle_job(const Tree& tree, int number);

// Past runs of `jobs` jobs, in a tree without a runner.
void fill_history(const Tree& tree, int jobs, int runs_each);
struct HistoryCosts {
  double status_ms = 0;
  double list_ms = 0;
  double history_ms = 0;
  double bytes = 0;
};
HistoryCosts history_costs(const Tree& tree, int rounds);

}  // namespace mig_bench
