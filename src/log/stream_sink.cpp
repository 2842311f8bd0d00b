#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

class StreamSink final : public Sink {
 public:
  explicit StreamSink(int fd) : fd_(fd) {}
  bool write(const Message& message) override {
    static_cast<void>(write_line(fd_, line_of(message)));  // a reader that went away cannot be told
    return true;
  }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<Sink> make_stream_sink(int fd) {
  return std::make_unique<StreamSink>(fd);
}

}  // namespace mig_runner::log
