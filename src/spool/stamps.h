#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"

// Private to the room.
namespace mig_runner::spool {

// Enough to tell whether a file is still the one that was read.
struct Stamp {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = -1;  // there is no such file
  std::int64_t changed_ns = 0;
  bool there() const { return size >= 0; }
  Timestamp changed() const;
  bool operator==(const Stamp&) const = default;
};

// Of a job's two files.
struct Stamps {
  Stamp entity, action;
  bool any() const { return entity.there() || action.there(); }
  bool both() const { return entity.there() && action.there(); }
  bool operator==(const Stamps&) const = default;
};

// The files in `name`, below the open directory `root`. An Error is no absence: it says nothing about them.
Result<Stamps> stamps_of(int root, const std::string& name);

}  // namespace mig_runner::spool
