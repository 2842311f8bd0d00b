#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Private to the room.
namespace mig_runner::spool {

// An entry of a directory that decides what a path leads to.
struct Place {
  std::filesystem::path directory;
  std::string name;  // empty: every entry
  std::string file;  // the job's file that stands there in the end (entity.cfg, ..), or empty
};

// Where each symlink on the way from `base` to `relative` stands, then where the path ends. `base` is resolved.
std::vector<Place> places_of(const std::filesystem::path& base, const std::filesystem::path& relative);

// Those of a job's two files; `runners` is resolved.
std::vector<Place> places_of_job(const std::filesystem::path& runners, const std::string& name);

// Those of runners/ itself and all of its entries.
std::vector<Place> places_of_runners(const std::filesystem::path& runners);

}  // namespace mig_runner::spool
