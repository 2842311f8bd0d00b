#include "spool/stamps.h"

#include "base/file_status.h"

namespace mig_runner::spool {
namespace {

Result<Stamp> stamp_of(int root, const std::string& path) {
  const auto status = file_status(root, path);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return Stamp();
  const auto& changed = (*status)->st_ctim;
  return Stamp{(*status)->st_dev, (*status)->st_ino, (*status)->st_size,
               changed.tv_sec * 1'000'000'000 + changed.tv_nsec};
}

}  // namespace

Timestamp Stamp::changed() const {
  return Timestamp(std::chrono::ceil<Timestamp::duration>(std::chrono::nanoseconds(changed_ns)));
}

Result<Stamps> stamps_of(int root, const std::string& name) {
  const auto entity = stamp_of(root, name + "/entity.cfg");
  if (!entity) return tl::unexpected(entity.error());
  const auto action = stamp_of(root, name + "/action.json");
  if (!action) return tl::unexpected(action.error());
  return Stamps{*entity, *action};
}

}  // namespace mig_runner::spool
