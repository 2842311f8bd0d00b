#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace mig_runner {

// Somebody else who can decide what stands at a path.
struct OtherWriter {
  enum class Kind { everybody, other_user, group };
  Kind kind = Kind::everybody;
  std::filesystem::path place;  // what they may write to: the path itself, or a directory or a symlink on the way to it
  unsigned id = 0;              // of the user or the group

  // The members of a group may well be meant to; the others are not.
  bool is_serious() const { return kind != Kind::group; }
  // "everybody may write to it, and so decide REACH: chmod o-w"; `it`: what stands for the place there.
  std::string text(std::string_view it, std::string_view reach) const;
};

// Whether the entries of a directory are judged too, each by a call of its own. If they are, others may add entries.
enum class Entries { not_judged, judged };

// Everybody but root and the user `self` who can change, replace or remove what stands at `path`: by owner and mode of
// that itself and of each directory on the way from the root, also behind symlinks. In a directory with the sticky bit,
// such as /tmp, only the owners count, if it is on the way or its entries are judged; so they do in a volume that
// Kubernetes mounts read-only. Nobody, where nothing stands there: up to where the way ends. An Error (Retry::later):
// something on the way cannot be looked at.
Result<std::vector<OtherWriter>> other_writers(const std::filesystem::path& path, uid_t self,
                                               Entries entries = Entries::not_judged);

// "NAME (UID)", or the number alone.
std::string user_text(uid_t user);

}  // namespace mig_runner
