#include "store/sql/opened_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file_status.h"

namespace mig_runner::store {

Result<OpenedPath> OpenedPath::at(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return fail_errno("it cannot be opened", path);
  return OpenedPath(path, std::move(fd));
}

Result<void> OpenedPath::check() const {
  struct stat opened {};
  if (fstat(fd_.get(), &opened) != 0) return fail_errno("it cannot be looked at", path_);
  const auto status = file_status(path_, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return fail("it was renamed or removed while the runner uses it", path_);
  if ((*status)->st_dev != opened.st_dev || (*status)->st_ino != opened.st_ino)
    return fail("it was replaced while the runner uses it", path_);
  return {};
}

}  // namespace mig_runner::store
