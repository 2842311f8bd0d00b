#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "log/log.h"

// One function for each kind of destination. Private to the room.
namespace mig_runner::log {

// A message as it is written: on one line, nothing in it that a terminal obeys.
struct Message {
  Timestamp time{};
  Level level = Level::info;
  std::string text;
};

// One destination. Belongs to the thread that writes to it (log/queued_log.h) and may block that thread.
class Sink {
 public:
  virtual ~Sink() = default;
  // False: not now; the same message is offered again later. True also where the message is given up.
  virtual bool write(const Message& message) = 0;
  virtual void reopen() {}
};

std::unique_ptr<Sink> make_stream_sink(int fd);
// An Error where the file cannot be opened; a FIFO that nobody reads is opened later.
Result<std::unique_ptr<Sink>> make_file_sink(const Settings& settings);
std::unique_ptr<Sink> make_syslog_sink(const Settings& settings);
Result<std::unique_ptr<Sink>> make_journal_sink();

}  // namespace mig_runner::log
