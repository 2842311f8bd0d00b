#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cron/zone.h"

namespace mig_runner::cron {

using RulesPtr = std::shared_ptr<const Zone::Rules>;

// A file that a zone is read from.
struct ZoneFile {
  enum class Kind {
    named,    // of the tz database; a file that is not there is no zone
    path,     // named by TZ, which must be there
    machine,  // /etc/localtime: UTC where nothing stands there, but not where it is a link to nothing
  };
  Kind kind = Kind::named;
  std::filesystem::path path;
};

// The zones that were read from files, shared as long as they are in use: thousands of jobs share a few zones, each of
// which takes 10 to 30 KB and a file to read. Safe from any thread.
class ZoneFiles {
 public:
  // Those of the whole process.
  static ZoneFiles& shared();

  // nullopt: there is no such zone. A zone that is in use is not read again, so that a file which is being replaced
  // does no harm; renew() looks at it.
  Result<std::optional<RulesPtr>> rules(const ZoneFile& file);

  // As renew_zones() in zone.h.
  std::vector<ZoneChange> renew();

 private:
  // Tells whether a file is still the one that was read.
  struct Stamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = 0, changed_ns = 0;
    std::string name;  // what the zone is called: a link may lead to another one of the same content
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    ZoneFile file;
    std::optional<Stamp> stamp;  // nullopt: nothing stood there
    std::weak_ptr<const Zone::Rules> rules;
    bool gone = false;  // at the last look
    bool told = false;  // that its file cannot be used any more
  };
  struct Content {
    std::optional<Stamp> stamp;
    RulesPtr rules;
  };

  static Result<std::optional<Stamp>> stamp_of(const ZoneFile& file);
  static Result<std::optional<Content>> read(const ZoneFile& file);
  void renew(Known& known, const RulesPtr& old, std::vector<ZoneChange>& changes);

  Mutex mutex_;
  std::map<std::string, Known> known_ GUARDED_BY(mutex_);      // by path
  std::map<std::string, ZoneFile> failed_ GUARDED_BY(mutex_);  // asked for and not usable: by path
};

}  // namespace mig_runner::cron
