#include "store/opened_path.h"

#include "base/file_status.h"

namespace mig_runner::store {

Result<OpenedPath> OpenedPath::at(const std::filesystem::path& path) {
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return fail("it was removed while it was opened", path, Retry::later);
  return OpenedPath(path, (*status)->st_dev, (*status)->st_ino);
}

Result<void> OpenedPath::check() const {
  const auto status = file_status(path_, Symlinks::followed);
  if (!status) return fail(status.error().what, path_);
  if (!*status) return fail("it was renamed or removed while the runner uses it", path_);
  if ((*status)->st_dev != device_ || (*status)->st_ino != inode_)
    return fail("it was replaced while the runner uses it", path_);
  return {};
}

}  // namespace mig_runner::store
