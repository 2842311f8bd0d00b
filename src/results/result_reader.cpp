#include "results/result_reader.h"

#include <algorithm>

namespace mig_runner::results {
namespace {

// More than the API hands out for one command, and than fits into a column of its database.
constexpr std::size_t kMaxPartBytes = std::size_t{1} << 30;

tl::unexpected<Error> no_document(const std::string& why) {
  return fail("this is no result document: " + why);
}

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

// The action is an object in the outermost one, a command an object in the list "commands".
bool ResultReader::is_part() const {
  return (brackets_ == "{" && key_ == "action") || (brackets_ == "{[" && key_ == "commands");
}

Result<void> ResultReader::open(char bracket) {
  if (brackets_.empty() && (bracket != '{' || ended_)) return no_document("it is not one object");
  if (brackets_.size() >= kMaxDepth) return no_document("it nests more than " + std::to_string(kMaxDepth) + " deep");
  if (bracket == '{' && is_part()) {
    in_part_ = true;
    text_.clear();
  }
  if (brackets_ == "{" && bracket == '[' && key_ == "commands") has_commands_ = true;
  brackets_ += bracket;
  expects_key_ = brackets_ == "{";
  return {};
}

Result<void> ResultReader::close(char bracket) {
  const char opening = bracket == '}' ? '{' : '[';
  if (brackets_.empty() || brackets_.back() != opening) return no_document("a bracket is closed that was not opened");
  brackets_.pop_back();
  ended_ = brackets_.empty();
  if (in_part_) text_ += bracket;
  if (!in_part_ || !is_part()) return {};
  in_part_ = false;
  if (brackets_ != "{") return has_action_ ? command_(text_) : no_document("commands stand before their action");
  has_action_ = true;
  return action_(text_);
}

Result<void> ResultReader::end_of_string() {
  in_string_ = false;
  if (in_part_ || !expects_key_) return {};
  key_ = text_;
  expects_key_ = false;
  return {};
}

Result<void> ResultReader::take(char c) {
  const bool kept = in_part_ || (in_string_ && expects_key_);
  if (in_string_) {
    if (!escaped_ && c == '"') {
      if (in_part_) text_ += c;
      return end_of_string();
    }
    escaped_ = !escaped_ && c == '\\';
    if (kept) text_ += c;
    return {};
  }
  if (c == '}' || c == ']') return close(c);
  if (c == '{' || c == '[') {
    if (auto opened = open(c); !opened) return opened;
  } else if (brackets_.empty() && !is_blank(c)) {
    return no_document("it is not one object");
  }
  if (in_part_) text_ += c;
  if (c == '"') {
    in_string_ = true;
    if (!in_part_) text_.clear();
  }
  if (c == ',' && brackets_ == "{") expects_key_ = true;
  return {};
}

Result<void> ResultReader::read(std::string_view piece) {
  while (!piece.empty()) {
    if (text_.size() > kMaxPartBytes) return no_document("one of its parts is larger than 1 GiB");
    // Most of a document is text within parts, where only quotes and brackets matter.
    if (in_part_) {
      const auto plain = std::min(piece.find_first_of(in_string_ ? "\"\\" : "\"{}[]"), piece.size());
      if (!escaped_ && plain > 0) {
        text_ += piece.substr(0, plain);
        piece.remove_prefix(plain);
        continue;
      }
    }
    if (auto taken = take(piece.front()); !taken) return taken;
    piece.remove_prefix(1);
  }
  return {};
}

Result<void> ResultReader::finish() const {
  if (!ended_) return no_document("it is cut off");
  if (!has_action_ || !has_commands_) return no_document("it has no action or no list of commands");
  return {};
}

}  // namespace mig_runner::results
