#include "plugin/output_reader.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace mig_runner::plugin {
namespace {

// A plugin that floods its output must not keep the thread from looking at its time limit.
constexpr int kReadsAtOnce = 16;

}  // namespace

OutputReader::OutputReader(UniqueFd pipe, std::size_t max_line_bytes, Line line)
    : pipe_(std::move(pipe)), max_line_bytes_(max_line_bytes), line_(std::move(line)) {}

void OutputReader::read_available() {
  std::array<char, 65536> buffer{};
  for (int i = 0; i < kReadsAtOnce && pipe_; ++i) {
    const auto size = read(pipe_.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return pipe_.reset();
    take({buffer.data(), static_cast<std::size_t>(size)});
  }
}

void OutputReader::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    const auto room = max_line_bytes_ - partial_.size();
    partial_ += piece.substr(0, room);
    cut_ = cut_ || piece.size() > room;
    if (end == std::string_view::npos) return;
    line_(partial_ + (cut_ ? " [cut]" : ""));
    partial_.clear();
    cut_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void OutputReader::finish() {
  if (!partial_.empty()) line_(partial_ + (cut_ ? " [cut]" : ""));
  partial_.clear();
  pipe_.reset();
}

}  // namespace mig_runner::plugin
