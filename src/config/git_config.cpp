#include "config/git_config.h"

#include <optional>

namespace mig_runner::config {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Thrown and caught in this file only: a syntax error ends the reading wherever it is found.
struct SyntaxError {
  int line, column;
  std::string message;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void read(std::vector<Setting>& settings) {
    std::optional<Setting> section;
    while (true) {
      skip_to_content();
      if (at_end()) return;
      if (peek() == '[') {
        section = read_section();
        settings.push_back(*section);
      } else if (!section) {
        fail_here("a setting needs a section above it, such as [configuration]");
      } else if (is_letter(peek())) {
        settings.push_back(read_setting(*section));
      } else {
        fail_here("expected a [section] or \"name = value\"");
      }
    }
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  char take() {
    const char c = text_[at_++];
    if (c == '\n') {
      ++line_;
      line_start_ = at_;
    }
    return c;
  }
  int column() const { return static_cast<int>(at_ - line_start_) + 1; }
  [[noreturn]] void fail_here(std::string message) const { throw SyntaxError{line_, column(), std::move(message)}; }

  void skip_blanks() {
    while (!at_end() && is_blank(peek())) take();
  }
  void skip_comment() {
    while (!at_end() && peek() != '\n') take();
  }
  void skip_to_content() {
    while (!at_end()) {
      if (is_blank(peek()) || peek() == '\n') {
        take();
      } else if (peek() == ';' || peek() == '#') {
        skip_comment();
      } else {
        return;
      }
    }
  }
  std::string read_name() {
    std::string name;
    while (!at_end() && is_name(peek())) name += take();
    return name;
  }
  void expect_end_of_line() {
    skip_blanks();
    if (peek() == ';' || peek() == '#') skip_comment();
    if (!at_end() && peek() != '\n') fail_here("a [section] stands alone on its line");
  }

  Setting read_section() {
    Setting section;
    section.line = line_;
    section.column = column();
    take();
    skip_blanks();
    section.section = read_name();
    if (section.section.empty()) fail_here("expected the name of a section");
    skip_blanks();
    if (peek() == '"') {
      section.has_subsection = true;
      section.subsection = read_quoted();
      skip_blanks();
    }
    if (peek() != ']') fail_here("expected \"]\" behind the section's name");
    take();
    expect_end_of_line();
    return section;
  }

  Setting read_setting(const Setting& section) {
    Setting setting = section;
    setting.line = line_;
    setting.column = column();
    setting.name = read_name();
    skip_blanks();
    if (at_end() || peek() == '\n' || peek() == ';' || peek() == '#') {
      setting.blank = true;
      setting.value_line = line_;
      setting.value_column = column();
      return setting;
    }
    if (peek() != '=') fail_here("expected \"=\" behind \"" + setting.name + "\"");
    take();
    skip_blanks();
    setting.value_line = line_;
    setting.value_column = column() + (peek() == '"' ? 1 : 0);
    setting.value = read_value(setting.cut);
    return setting;
  }

  char read_escape() {
    const char c = at_end() ? '\0' : take();
    switch (c) {
      case '"':
        return '"';
      case '\\':
        return '\\';
      case 'n':
        return '\n';
      case 't':
        return '\t';
      default:
        --at_;
        fail_here(R"(unknown escape: \" \\ \n and \t are known)");
    }
  }

  std::string read_quoted() {
    const SyntaxError unterminated{line_, column(), "the quoted text does not end on its line"};
    take();
    std::string value;
    while (true) {
      if (at_end() || peek() == '\n') throw unterminated;
      const char c = take();
      if (c == '"') return value;
      if (c == '\\' && peek() == '\n') {
        take();
      } else {
        value += c == '\\' ? read_escape() : c;
      }
    }
  }

  std::string read_value(bool& cut) {
    std::string value;
    std::size_t keep = 0;  // what quotes protect from being trimmed
    while (!at_end() && peek() != '\n' && peek() != ';' && peek() != '#') {
      if (peek() == '"') {
        value += read_quoted();
        keep = value.size();
      } else if (peek() == '\\') {
        take();
        if (peek() == '\r') take();
        if (at_end() || peek() != '\n') fail_here("a backslash outside quotes only continues the line");
        take();
      } else {
        value += take();
      }
    }
    cut = !at_end() && peek() != '\n' && value.size() > keep && !is_blank(value.back());
    skip_comment();
    while (value.size() > keep && is_blank(value.back())) value.pop_back();
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Setting> read_git_config(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  std::vector<Setting> settings;
  if (text.size() > kMaxBytes) {
    problems.push_back({file, 0, 0, "the file is larger than a configuration can be (1 MiB)"});
    return settings;
  }
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    problems.push_back({file, 0, 0, "the file holds a zero byte: it is no text"});
    return settings;
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    problems.push_back({file, 1, 1, "the file begins with a byte order mark: save it as UTF-8 without one"});
    return settings;
  }
  try {
    Reader(text).read(settings);
  } catch (const SyntaxError& error) {
    problems.push_back({file, error.line, error.column, error.message});
  }
  return settings;
}

}  // namespace mig_runner::config
