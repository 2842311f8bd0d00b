#include "api/text.h"

#include "base/utf8.h"

namespace mig_runner::api {
namespace {

constexpr std::size_t kExcerptBytes = 300;
constexpr std::size_t kFirstWordsBytes = 120;

}  // namespace

std::string excerpt(std::string_view text) {
  return printable(text.substr(0, kExcerptBytes)) + (text.size() > kExcerptBytes ? ".." : "");
}

std::string first_words(std::string_view page) {
  std::string words;
  bool in_tag = false;
  for (const char c : page) {
    const bool ends_tag = in_tag && c == '>';
    in_tag = (in_tag || c == '<') && !ends_tag;
    const bool blank = in_tag || ends_tag || static_cast<unsigned char>(c) <= ' ';
    if (!blank) words += c;
    if (blank && !words.empty() && words.back() != ' ') words += ' ';
    if (words.size() > kFirstWordsBytes) return excerpt(words.substr(0, kFirstWordsBytes)) + "..";
  }
  while (words.ends_with(' ')) words.pop_back();
  return excerpt(words);
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return excerpt(url);
  const auto host = scheme + 3;
  const auto at = url.substr(0, url.find('/', host)).rfind('@');
  if (at == std::string_view::npos || at < host) return excerpt(url);
  return excerpt(std::string(url.substr(0, host)) + std::string(url.substr(at + 1)));
}

}  // namespace mig_runner::api
