#include "sandbox/faults/spoil.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mig_sandbox {
namespace {

constexpr std::string_view kIdMember = "\"id\":";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view reason(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 15> kReasons = {{{301, "Moved Permanently"},
                                                                          {302, "Found"},
                                                                          {303, "See Other"},
                                                                          {307, "Temporary Redirect"},
                                                                          {308, "Permanent Redirect"},
                                                                          {403, "Forbidden"},
                                                                          {404, "Not Found"},
                                                                          {405, "Not Allowed"},
                                                                          {407, "Authentication Required"},
                                                                          {413, "Request Entity Too Large"},
                                                                          {421, "Misdirected Request"},
                                                                          {429, "Too Many Requests"},
                                                                          {502, "Bad Gateway"},
                                                                          {503, "Service Temporarily Unavailable"},
                                                                          {504, "Gateway Time-out"}}};
  for (const auto& [number, text] : kReasons) {
    if (number == status) return text;
  }
  return "Proxy";
}

// Digits without a zero in front as "2.9426359271548e+13"; those below 1e6 stay.
std::string exponent_form(std::string_view digits) {
  if (digits.size() <= 6) return std::string(digits);
  const std::size_t exponent = digits.size() - 1;
  const std::size_t last = digits.find_last_not_of('0');
  std::string out(1, digits.front());
  if (last != 0) out += '.' + std::string(digits.substr(1, last));
  return out + (exponent < 10 ? "e+0" : "e+") + std::to_string(exponent);
}

}  // namespace

void spoil(Answer& answer, FaultKind kind) {
  const std::size_t middle = answer.body.size() / 2;
  if (kind == FaultKind::cut_json) answer.body.resize(middle);
  if (kind == FaultKind::broken_json)
    answer.body.replace(middle, std::min<std::size_t>(8, answer.body.size() - middle), "\x01{\"]}\xff,,");
}

Answer proxy_page(const Fault& fault) {
  const std::string title = std::to_string(fault.status) + " " + std::string(reason(fault.status));
  Answer page{fault.status,
              "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
                  "</h1></center>\r\n<hr><center>proxy.example.net</center>\r\n</body>\r\n</html>\r\n",
              Answer::Type::html};
  const bool is_redirect = fault.status >= 301 && fault.status <= 308 && fault.status != 304;
  if (is_redirect) page.headers.emplace_back("Location", "https://login.example.net/?from=mig");
  if (fault.status == 429 || fault.status == 503) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(fault.delay).count();
    page.headers.emplace_back("Retry-After", std::to_string(seconds));
  }
  return page;
}

std::string with_exponent_ids(std::string_view document) {
  std::string out;
  out.reserve(document.size() + document.size() / 8);
  while (true) {
    const std::size_t at = document.find(kIdMember);
    if (at == std::string_view::npos) break;
    const std::size_t begin = at + kIdMember.size();
    std::size_t end = begin;
    while (end < document.size() && is_digit(document[end])) ++end;
    out += document.substr(0, begin);
    out += exponent_form(document.substr(begin, end - begin));
    document.remove_prefix(end);
  }
  return out += document;
}

void append_spoiled_results(std::string& out, const Fault& fault) {
  const auto size = static_cast<std::size_t>(fault.size);
  out += R"([{"foundanything":true,"success":true,"elements":)";
  if (fault.kind == FaultKind::deep_answer) {
    out.append(size, '[').append(size, ']');
  } else {
    constexpr std::string_view kPiece = "[],";
    out.reserve(out.size() + size + 100);
    out += '[';
    for (std::size_t i = 0; i < size / kPiece.size(); ++i) out += kPiece;
    out += "[]]";
  }
  out += R"(,"statistics":null,"errors":null}])";
}

}  // namespace mig_sandbox
