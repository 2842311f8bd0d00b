#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mig_runner::api {

// Checks JSON that comes in pieces (RFC 8259; also that escaped surrogates come in pairs and that numbers fit into
// 64-bit floats, but not that the text is UTF-8), with as much memory as it nests deep, and tells a watcher what it
// meets near the top. Private to the room.
//
// The text is one buffer, to which bytes are added behind and from which the owner drops bytes in front; positions
// count from its begin. Depth is how many brackets are open: the members of the outermost object have depth 1.
class JsonWatcher {
 public:
  virtual ~JsonWatcher() = default;
  // Called for depths up to the watched one: a bracket that opens depth `depth` or closes it, with its position, ..
  virtual void opened(int depth, char bracket, std::size_t position) = 0;
  virtual void closed(int depth, std::size_t position) = 0;
  // .. a key, without its quotes and with its escapes, and a value that has no brackets, with its quotes.
  virtual void key(int depth, std::string_view text) = 0;
  virtual void scalar(int depth, std::size_t begin, std::size_t end) = 0;
};

class JsonScanner {
 public:
  // `watched_depth`: how deep the watcher hears of anything. `max_depth`: deeper text is a fault.
  JsonScanner(JsonWatcher& watcher, int watched_depth, int max_depth);
  void watch_to(int depth) { watched_depth_ = depth; }

  enum class Stop {
    needs_more,  // the rest of the text is to come
    fault,       // this is no JSON, or too deep: fault() says so
    paused,      // the watcher asked for a pause, or a passed-over part has ended
  };
  // Goes on where it stopped.
  Stop scan(std::string_view text);
  // Called by the watcher: to return from scan() behind what it hears of.
  void pause() { paused_ = true; }
  // After a fault, or instead of going on within a part that is of no use: brackets and strings are still told apart
  // until depth `depth` is reached again, and nothing else is. Then scan() pauses.
  void pass_over_to(int depth);

  bool is_at_end() const { return state_ == State::end; }
  bool is_passing_over() const { return passing_over_to_ >= 0; }
  int depth() const { return depth_; }
  const std::string& fault() const { return fault_; }
  bool is_too_deep() const { return too_deep_; }  // the fault
  // The text before it is needed no more.
  std::size_t needed_from() const;
  std::size_t position() const { return position_; }
  // The owner has dropped so many bytes in front.
  void dropped(std::size_t bytes);

  static constexpr int kMaxDepth = 1024;

 private:
  enum class State { value, first_value, key, first_key, colon, comma, string, key_string, end };

  struct Cursor;
  Stop pass_over(std::string_view text);
  bool step(Cursor& at);
  void stride(Cursor& at);
  bool stride_value(Cursor& at);
  bool string(Cursor& at);
  bool escape(Cursor& at);
  bool value(Cursor& at);
  bool number(Cursor& at);
  bool word(Cursor& at, std::string_view word);
  bool open(Cursor& at);
  bool close(Cursor& at);
  void scalar_ended(const Cursor& at, const char* begin);
  bool refuse(const Cursor& at, const std::string& why);

  JsonWatcher& watcher_;
  int watched_depth_;
  const int max_depth_;
  std::array<char, kMaxDepth + 1> closing_{};  // by depth, the bracket that ends it
  int depth_ = 0;
  State state_ = State::value;
  std::size_t position_ = 0;
  std::size_t string_begin_ = 0;  // its quote's position, in a string
  int passing_over_to_ = -1;
  bool over_string_ = false;  // while passing over: within a string, behind a backslash
  bool over_escape_ = false;
  bool paused_ = false;
  std::string fault_;
  bool too_deep_ = false;
};

// Whether `text` is one JSON text and UTF-8; if not, why.
std::string why_no_json(std::string_view text);

}  // namespace mig_runner::api
