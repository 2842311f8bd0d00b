#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "spool/spool.h"
#include "support/manual_clock.h"
#include "support/scratch_directory.h"

namespace mig_runner::spool {

// A directory of jobs that tests write, a clock that they move and a spool.
class SpoolTest : public testing::Test {
 protected:
  static constexpr const char* kAction = R"({"target":"status='online'","operations":[]})";

  static std::string entity(const std::string& schedule) {
    return "[configuration]\nschedule = \"" + schedule + "\"\n";
  }
  void write_job(const std::string& name, const std::string& schedule = "* * * * *",
                 const std::string& action = kAction) {
    test::write_text(runners / name / "action.json", action);
    test::write_text(runners / name / "entity.cfg", entity(schedule));
  }
  // Makes old all that was written until now.
  void settle() { clock.advance(Spool::kSettled + std::chrono::seconds(1)); }
  // Makes new all that is written from now on.
  void set_to_real_time() {
    clock.set(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  }
  // "added disk, broken other", in order; the directory of jobs itself is "runners/".
  static std::string said(const std::vector<Change>& changes) {
    const char* const kinds[] = {"added",      "changed",  "removed",   "broken",  "waiting",
                                 "unreadable", "readable", "unwatched", "watched", "rezoned"};
    std::string text;
    for (const auto& change : changes) {
      if (!text.empty()) text += ", ";
      text +=
          std::string(kinds[static_cast<int>(change.kind)]) + " " + (change.name.empty() ? "runners/" : change.name);
    }
    return text;
  }
  std::string schedule_of(const std::string& name) const {
    const auto job = spool.find(name);
    return job ? job->config.schedule : "none";
  }

  test::ScratchDirectory directory;
  std::filesystem::path runners = directory.path() / "runners";
  test::ManualClock clock{std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
  Spool spool{runners, {}, clock};
};

// A user without any privilege, who owns none of the files, until the end of the block.
class AsNobody {
 public:
  explicit AsNobody(const std::filesystem::path& scratch) {
    const auto open = std::filesystem::perms(0755);
    if (std::filesystem::status(scratch).permissions() != open) std::filesystem::permissions(scratch, open);
    changed_ = geteuid() == 0 && seteuid(65534) == 0;
  }
  ~AsNobody() {
    if (changed_ && seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  bool changed() const { return changed_; }

 private:
  bool changed_ = false;
};

}  // namespace mig_runner::spool
