#include "store/sql/job_rows.h"

#include <vector>

#include "store/sql/clean_text.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {

void add_jobs(const Batches& batches, const std::set<std::string>& jobs) {
  const std::vector<std::string> names(jobs.begin(), jobs.end());
  Rows<std::string> added;
  batches.go(
      added, names.size(),
      [&](soci::statement& statement, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i)
          statement.exchange(soci::use(added.cells[i], "name" + std::to_string(i)));
        return sql("INSERT INTO jobs (name) VALUES {names} ON CONFLICT (name) DO NOTHING",
                   {{"names", repeated("(:name#)", rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) added.cells[i] = clean_text(names[begin + i]);
        statement.execute(true);
      });
}

}  // namespace mig_runner::store
