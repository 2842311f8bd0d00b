#include "store/location.h"

#include "base/host_name.h"
#include "store/sql/postgresql.h"

namespace mig_runner::store {

Result<Location> Location::parse(const std::string& setting, const std::filesystem::path& sqlite_file) {
  Location location(sqlite_file);
  if (setting.empty() || setting == "sqlite") return location;
  if (!setting.starts_with("postgresql://") && !setting.starts_with("postgres://"))
    return fail("where runs are kept must be \"sqlite\" or \"postgresql://USER@HOST/DATABASE\"");
  if (auto problem = uri_problem(setting); !problem.empty()) return fail(std::move(problem));
  location.uri = setting;
  return location;
}

std::string Location::text() const {
  return is_postgresql() ? describe_uri(uri) : file.string();
}

std::string Location::unverified_server() const {
  return is_postgresql() ? unverified_host(uri) : "";
}

std::string Location::tree() const {
  return is_postgresql() ? host_name() + ':' + file.parent_path().parent_path().string() : "";
}

}  // namespace mig_runner::store
