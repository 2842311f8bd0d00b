#include "mig/json_writer.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <locale>
#include <map>
#include <sstream>

#include "base/utf8.h"
#include "mig/json_reader.h"

namespace mig_runner::mig {
namespace {

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

// Decimal digits and exponent of the shortest scientific form: 0.DIGITS times ten to the `point`.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal shortest(double magnitude) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  Decimal decimal{std::string(1, text[0]), 0};
  if (e > 2) decimal.digits += text.substr(2, e - 2);
  const std::size_t exponent = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(buffer + exponent, end, decimal.point);
  ++decimal.point;
  return decimal;
}

class CanonicalWriter {
 public:
  explicit CanonicalWriter(std::string_view source) : source_(source) {}

  Result<std::string> write(const JsonValue& value) {
    append(value);
    if (!error_.what.empty()) return tl::unexpected(error_);
    return std::move(out_);
  }

 private:
  void append(const JsonValue& value) {
    switch (value.kind) {
      case JsonValue::Kind::null:
        out_ += "null";
        return;
      case JsonValue::Kind::boolean:
        out_ += value.boolean ? "true" : "false";
        return;
      case JsonValue::Kind::number:
        return append_number(value);
      case JsonValue::Kind::string:
        return append_json_string(out_, value.text);
      case JsonValue::Kind::array:
        return append_items(value);
      case JsonValue::Kind::object:
        return append_members(value);
    }
  }

  void append_number(const JsonValue& value) {
    const auto number = json_float(value.text);
    if (number) {
      out_ += json_number(*number);
    } else if (error_.what.empty()) {
      error_ = Error{"the number " + value.text + " is larger than a 64-bit float can hold (about 1.8e308)",
                     json_position(source_, value.begin)};
    }
  }

  void append_items(const JsonValue& value) {
    out_ += '[';
    const char* separator = "";
    for (const auto& item : value.items) {
      out_ += std::exchange(separator, ",");
      append(item);
    }
    out_ += ']';
  }

  void append_members(const JsonValue& value) {
    std::map<std::string_view, const JsonValue*> sorted;
    for (const auto& [name, member] : value.members) sorted[name] = &member;
    out_ += '{';
    const char* separator = "";
    for (const auto& [name, member] : sorted) {
      out_ += std::exchange(separator, ",");
      append_json_string(out_, name);
      out_ += ':';
      append(*member);
    }
    out_ += '}';
  }

  std::string_view source_;
  std::string out_;
  Error error_;
};

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length);
    if (length == 1) {
      append_ascii(out, text[0]);
    } else if (length == 0) {
      out += "\\ufffd";
    } else if (character == "\u2028") {
      out += "\\u2028";
    } else if (character == "\u2029") {
      out += "\\u2029";
    } else {
      out += character;
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string json_number(double number) {
  std::string out = std::signbit(number) ? "-" : "";
  if (number == 0) return out + "0";
  const double magnitude = std::abs(number);
  const auto [digits, point] = shortest(magnitude);
  const int count = static_cast<int>(digits.size());
  if (magnitude < 1e-6 || magnitude >= 1e21) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{}", point > 0 ? "+" : "-", std::abs(point - 1));
  }
  if (point <= 0) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (point >= count) return out + digits + std::string(static_cast<std::size_t>(point - count), '0');
  const auto whole = static_cast<std::size_t>(point);
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::optional<double> json_float(std::string_view number) {
  double value = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc()) return value;
  // Out of range says from_chars, but not on which side. What is too small is zero, as for Go; a stream knows.
  std::istringstream stream{std::string(number)};
  stream.imbue(std::locale::classic());
  stream >> value;
  if (stream.fail()) return std::nullopt;
  return value;
}

Result<std::string> canonical_json(const JsonValue& value, std::string_view source) {
  return CanonicalWriter(source).write(value);
}

}  // namespace mig_runner::mig
