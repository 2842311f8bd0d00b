#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "spool/places.h"

// Private to the room.
namespace mig_runner::spool {

// inotify on the directories that decide what runners/ and its jobs are. One thread.
class Watches {
 public:
  // The owner of the places of runners/ itself; the other owners are jobs.
  static constexpr const char* kRoot = "";

  // -1 where the kernel gives no watch at all.
  int fd() const { return inotify_.get(); }
  // Watches these places for `owner`, and no longer those that were watched for it before.
  void watch(const std::string& owner, const std::vector<Place>& places);
  // All of its places are watched.
  bool has(const std::string& owner) const;
  void forget(const std::string& owner);
  void forget_all();

  // Whether a writer is at work on a file of `owner`: true from its first write on, false once it has closed the file
  // or a whole file was moved there; nullopt where no event told.
  std::optional<bool> is_open(const std::string& owner, const std::string& file) const;

  // The owners that are not watched because the kernel has no watches left, and its errno (ENOSPC: of user watches,
  // EMFILE: of instances).
  std::size_t unwatched() const { return unwatched_.size(); }
  int limit() const { return limit_; }

  struct Events {
    std::set<std::string> jobs;  // something may have changed in these
    bool everything = false;     // events were lost, or runners/ itself was replaced: look at all
  };
  Events read();

 private:
  struct Interest {
    std::string owner;
    Place place;
  };
  struct Owner {
    std::set<int> watches;
    bool complete = false;
    bool moved_in = false;             // what its files lie in was moved there as a whole
    std::map<std::string, bool> open;  // by a file's name in the job: see is_open
  };

  int add(const std::string& owner, const std::filesystem::path& directory);
  void drop(const std::string& owner, int watch);
  void take(int watch, unsigned mask, const char* name, Events& events);
  void take_lost(int watch, Events& events);
  void take_named(const Interest& interest, unsigned mask, const std::string& name, Events& events);

  UniqueFd inotify_;
  std::map<int, std::vector<Interest>> interests_;  // by watch
  std::map<std::string, Owner> owners_;
  std::set<std::string> unwatched_;
  int limit_ = 0;
};

}  // namespace mig_runner::spool
