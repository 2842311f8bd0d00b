#include <systemd/sd-journal.h>
#include <unistd.h>

#include "log/sinks.h"

namespace mig_runner::log {
namespace {

constexpr const char* kSocket = "/run/systemd/journal/socket";

class JournalSink final : public Sink {
 public:
  bool write(const Message& message) override {
    sd_journal_send("MESSAGE=%s", message.text.c_str(), "PRIORITY=%d", static_cast<int>(message.level),
                    "SYSLOG_IDENTIFIER=mig-runner", nullptr);
    return true;
  }
};

}  // namespace

Result<std::unique_ptr<Sink>> make_journal_sink() {
  // sd_journal_send reports success where nobody listens.
  if (access(kSocket, W_OK) != 0) return fail_errno("mode journal needs systemd's journal", kSocket, Retry::no);
  return std::make_unique<JournalSink>();
}

}  // namespace mig_runner::log
