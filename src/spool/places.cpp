#include "spool/places.h"

#include <deque>
#include <system_error>

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel follows

void put_in_front(std::deque<std::string>& parts, const fs::path& path) {
  auto at = parts.begin();
  for (const auto& part : path.relative_path())
    if (!part.empty() && part != ".") at = std::next(parts.insert(at, part.string()));
}

}  // namespace

std::vector<Place> places_of(const fs::path& base, const fs::path& relative) {
  std::vector<Place> places;
  std::deque<std::string> rest;
  put_in_front(rest, relative);
  auto at = base;
  for (int links = 0; !rest.empty() && links <= kMostLinks;) {
    const auto name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      at = at.parent_path();
      continue;
    }
    std::error_code error;
    const auto target = fs::read_symlink(at / name, error);
    const bool is_link = !error;
    if (is_link || rest.empty()) places.push_back({at, name, ""});
    if (is_link) {
      ++links;
      put_in_front(rest, target);
      if (target.is_absolute()) at = target.root_path();
    } else {
      at /= name;
    }
  }
  return places;
}

std::vector<Place> places_of_job(const fs::path& runners, const std::string& name) {
  std::vector<Place> places;
  for (const char* file : {"entity.cfg", "action.json"}) {
    auto of_file = places_of(runners, fs::path(name) / file);
    if (!of_file.empty()) of_file.back().file = file;
    places.insert(places.end(), of_file.begin(), of_file.end());
  }
  return places;
}

std::vector<Place> places_of_runners(const fs::path& runners) {
  std::error_code error;
  const auto absolute = fs::absolute(runners, error);
  auto places = places_of(absolute.root_path(), absolute);
  places.push_back({runners, "", ""});
  return places;
}

}  // namespace mig_runner::spool
