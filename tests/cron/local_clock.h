#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace mig_runner::cron {

// The C library's own idea of a zone, to check ours against. Sets TZ for the whole process while it lives.
class LocalClock {
 public:
  explicit LocalClock(const std::string& zone) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", zone.c_str(), 1);
    tzset();
  }
  ~LocalClock() {
    if (old_) {
      setenv("TZ", old_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  LocalClock(const LocalClock&) = delete;
  LocalClock& operator=(const LocalClock&) = delete;

  std::tm at(std::time_t utc) const {
    std::tm fields{};
    localtime_r(&utc, &fields);
    return fields;
  }

 private:
  std::optional<std::string> old_;
};

}  // namespace mig_runner::cron
