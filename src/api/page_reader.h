#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/commands.h"
#include "api/growing_buffer.h"
#include "api/http.h"
#include "api/json_scanner.h"
#include "base/error.h"

namespace mig_runner::api {

// Reads one page of commands while it comes, and holds no more of it than one command. A command is passed on as soon
// as all of it has come and was found to be JSON and UTF-8 with an id. One that is too large or too deep or otherwise
// unusable is passed over and named; the page goes on behind it. Private to the room.
class PageReader final : public BodySink, private JsonWatcher {
 public:
  PageReader(const CommandSink& sink, std::vector<UnreadableCommand>& unreadable);

  // An Error is of the page, or of the sink: then sink_failed().
  Result<void> take(std::string_view bytes) override;
  std::size_t held() const override { return buffer_.size(); }
  // The whole body has been taken. An Error if the page is not complete.
  Result<void> finish();

  bool sink_failed() const { return sink_failed_; }
  // How many commands were passed on or named.
  std::int64_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }
  // A command has begun and not ended.
  bool is_within_command() const { return in_datum_ && (datum_is_command_ || !datum_has_name_); }
  // It, as far as it came.
  UnreadableCommand broken_command(std::string reason) const;

  static constexpr int kMaxDepth = 1000;  // of a command; many parsers stop at 1,024 levels
  static constexpr std::size_t kMaxCommandBytes = std::size_t{256} << 20U;

 private:
  // Of the text, relative to where the datum begins.
  struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool empty() const { return begin == end; }
  };
  enum class Key { other, collection, items, data, name, value, id, status, agent };

  static Key key_of(std::string_view text);
  void opened(int depth, char bracket, std::size_t position) override;
  void closed(int depth, std::size_t position) override;
  void key(int depth, std::string_view text) override;
  void scalar(int depth, std::size_t begin, std::size_t end) override;
  bool on_path(int depth) const;
  Span span(std::size_t begin, std::size_t end) const { return {begin - datum_begin_, end - datum_begin_}; }
  std::string_view text(Span span) const;

  Result<void> scan();
  void pass_over(std::string reason);
  Result<void> datum_ended();
  Result<void> pass_on();
  void forget_datum();
  void drop_what_is_read();
  tl::unexpected<Error> malformed(const std::string& why) const;

  const CommandSink& sink_;
  std::vector<UnreadableCommand>& unreadable_;
  GrowingBuffer buffer_;
  JsonScanner scanner_;
  std::array<Key, 10> keys_{};  // by depth, of the member that is being read
  std::string fault_;           // of the page
  std::string beginning_;       // of the page, for messages
  bool has_items_ = false;
  bool item_has_data_ = false;

  bool in_datum_ = false;
  bool datum_complete_ = false;
  bool datum_has_name_ = false;
  bool datum_is_command_ = false;
  std::size_t datum_begin_ = 0;
  Span command_, id_, status_, agent_;
  std::optional<UnreadableCommand> passed_over_;

  bool sink_failed_ = false;
  std::int64_t rows_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace mig_runner::api
