#include <systemd/sd-journal.h>
#include <unistd.h>

#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

constexpr const char* kSocket = "/run/systemd/journal/socket";

class JournalLog final : public Log {
 public:
  explicit JournalLog(Level level) : level_(level) {}
  bool enabled(Level level) const override { return level <= level_; }
  void write(Level level, std::string_view message) override {
    if (!enabled(level)) return;
    sd_journal_send("MESSAGE=%s", escaped(message).c_str(), "PRIORITY=%d", static_cast<int>(level),
                    "SYSLOG_IDENTIFIER=mig-runner", nullptr);
  }
  void reopen() override {}

 private:
  const Level level_;
};

}  // namespace

Result<std::unique_ptr<Log>> make_journal_log(Level level) {
  // sd_journal_send reports success where nobody listens.
  if (access(kSocket, W_OK) != 0) return fail_errno("mode journal needs systemd's journal", kSocket, Retry::no);
  return std::make_unique<JournalLog>(level);
}

}  // namespace mig_runner::log
