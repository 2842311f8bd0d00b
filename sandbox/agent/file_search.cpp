#include "sandbox/agent/file_search.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "sandbox/agent/parameters.h"

namespace mig_sandbox {

using mig_runner::fail;
using nlohmann::json;

namespace {

constexpr std::size_t kDefaultMatchLimit = 1000;
constexpr std::size_t kHighestMatchLimit = 100'000;  // what one answer can hold in reasonable memory
constexpr std::size_t kDefaultMaxDepth = 1000;
constexpr std::size_t kDefaultMaxErrors = 30;

struct KindName {
  CheckKind kind;
  std::string_view parameter;
  std::string_view mismatch;  // the name in options.mismatch
};
constexpr std::array<KindName, 9> kKinds = {{{CheckKind::name, "names", "name"},
                                             {CheckKind::size, "sizes", "size"},
                                             {CheckKind::mode, "modes", "mode"},
                                             {CheckKind::mtime, "mtimes", "mtime"},
                                             {CheckKind::content, "contents", "content"},
                                             {CheckKind::md5, "md5", "md5"},
                                             {CheckKind::sha1, "sha1", "sha1"},
                                             {CheckKind::sha2, "sha2", "sha2"},
                                             {CheckKind::sha3, "sha3", "sha3"}}};

bool needs_content(CheckKind kind) {
  return kind >= CheckKind::content;
}

// "<10m", ">5d": a sign, a number and one of the units (an empty unit is 1).
Result<void> parse_bound(Check& check, std::string_view what,
                         std::initializer_list<std::pair<char, std::int64_t>> units, bool unit_required) {
  const std::string& text = check.value;
  const auto wrong = [&] { return fail("invalid " + std::string(what) + " '" + text + "'"); };
  if (text.size() < 2 || (text[0] != '<' && text[0] != '>')) return wrong();
  check.greater = text[0] == '>';
  const char* const end = text.data() + text.size();
  std::int64_t number = 0;
  const auto [after, error] = std::from_chars(text.data() + 1, end, number);
  if (error != std::errc() || number < 0) return wrong();
  std::int64_t unit = 1;
  if (after == end) {
    if (unit_required) return wrong();
  } else {
    const auto* const found = std::find_if(units.begin(), units.end(), [&](auto& u) { return u.first == *after; });
    if (found == units.end() || after + 1 != end) return wrong();
    unit = found->second;
  }
  if (__builtin_mul_overflow(number, unit, &check.bound)) return wrong();
  return {};
}

Result<void> parse_hash(Check& check) {
  const std::size_t bits = check.value.size() * 4;
  switch (check.kind) {
    case CheckKind::md5:
      if (bits == 128) check.algorithm = "MD5";
      break;
    case CheckKind::sha1:
      if (bits == 160) check.algorithm = "SHA1";
      break;
    case CheckKind::sha2:
      if (bits == 256 || bits == 384 || bits == 512) check.algorithm = "SHA" + std::to_string(bits);
      break;
    default:
      if (bits == 224 || bits == 256 || bits == 384 || bits == 512) check.algorithm = "SHA3-" + std::to_string(bits);
  }
  if (mig_runner::is_hex(check.value) && !check.algorithm.empty()) return {};
  return fail("invalid checksum '" + check.value + "' for " + std::string(parameter_name(check.kind)));
}

Result<Check> parse_check(CheckKind kind, const std::string& value) {
  Check check;
  check.kind = kind;
  check.value = value;
  Result<void> parsed;
  switch (kind) {
    case CheckKind::name:
    case CheckKind::mode:
    case CheckKind::content: {
      auto pattern = Pattern::compile(value);
      if (!pattern) return tl::unexpected(pattern.error());
      check.pattern = *std::move(pattern);
      break;
    }
    case CheckKind::size:
      parsed =
          parse_bound(check, "size", {{'k', 1LL << 10}, {'m', 1LL << 20}, {'g', 1LL << 30}, {'t', 1LL << 40}}, false);
      break;
    case CheckKind::mtime:
      parsed = parse_bound(check, "mtime", {{'d', 86400}, {'h', 3600}, {'m', 60}}, true);
      break;
    default:
      parsed = parse_hash(check);
  }
  if (!parsed) return tl::unexpected(parsed.error());
  return check;
}

Result<std::size_t> parse_count(const json& options, std::string_view name, std::size_t if_zero, std::size_t highest) {
  const auto number = number_value(options, name);
  if (!number) return tl::unexpected(number.error());
  if (!(*number >= 0)) return fail(std::string(name) + " must not be negative");
  if (*number == 0) return if_zero;
  return *number >= static_cast<double>(highest) ? highest
                                                 : std::max<std::size_t>(1, static_cast<std::size_t>(*number));
}

Result<SearchOptions> parse_options(const json& search) {
  const json& object = member(search, "options");
  if (const auto checked = check_object(object, "options"); !checked) return tl::unexpected(checked.error());
  SearchOptions options;
  const std::pair<std::string_view, bool*> flags[] = {{"matchall", &options.match_all},
                                                      {"macroal", &options.macroal},
                                                      {"returnsha256", &options.return_sha256},
                                                      {"decompress", &options.decompress}};
  for (const auto& [name, flag] : flags) {
    const auto value = bool_value(object, name);
    if (!value) return tl::unexpected(value.error());
    *flag = *value;
  }
  struct Count {
    std::string_view name;
    std::size_t* value;
    std::size_t if_zero;
    std::size_t highest;
  };
  const Count counts[] = {{"matchlimit", &options.match_limit, kDefaultMatchLimit, kHighestMatchLimit},
                          {"maxdepth", &options.max_depth, kDefaultMaxDepth, kDefaultMaxDepth},
                          {"maxerrors", &options.max_errors, kDefaultMaxErrors, kHighestMatchLimit}};
  for (const Count& count : counts) {
    const auto value = parse_count(object, count.name, count.if_zero, count.highest);
    if (!value) return tl::unexpected(value.error());
    *count.value = *value;
  }
  if (!member(object, "mismatch").is_null()) {
    auto mismatch = string_list(object, "mismatch");
    if (!mismatch) return tl::unexpected(mismatch.error());
    options.mismatch = *std::move(mismatch);
  }
  return options;
}

Result<void> parse_checks(const json& object, FileSearch& search) {
  for (const KindName& kind : kKinds) {
    const auto values = string_list(object, kind.parameter);
    if (!values) return tl::unexpected(values.error());
    for (const std::string& value : *values) {
      auto check = parse_check(kind.kind, value);
      if (!check) return tl::unexpected(check.error());
      const auto& inverted = search.options.mismatch;
      check->mismatch = inverted && std::find(inverted->begin(), inverted->end(), kind.mismatch) != inverted->end();
      (needs_content(kind.kind) ? search.content_checks : search.metadata_checks).push_back(*std::move(check));
    }
  }
  return {};
}

Result<FileSearch> parse_search(const std::string& label, const json& object) {
  const auto is_label_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (label.empty() || label.size() > 64 || !std::all_of(label.begin(), label.end(), is_label_char)) {
    return fail("invalid search label '" + label + "', must be 1 to 64 letters, digits, underscores or dashes");
  }
  if (const auto checked = check_object(object, label); !checked) return tl::unexpected(checked.error());
  FileSearch search;
  search.label = label;
  auto paths = string_list(object, "paths");
  if (!paths) return tl::unexpected(paths.error());
  if (paths->empty()) return fail("invalid empty search path, must have at least one search path");
  if (std::find(paths->begin(), paths->end(), "") != paths->end()) return fail("invalid empty path");
  search.paths = *std::move(paths);
  auto options = parse_options(object);
  if (!options) return tl::unexpected(options.error());
  search.options = *std::move(options);
  if (const auto parsed = parse_checks(object, search); !parsed) return tl::unexpected(parsed.error());
  return search;
}

}  // namespace

std::string_view parameter_name(CheckKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].parameter;
}

bool Check::metadata_holds(const FileInfo& file, Timestamp now) const {
  bool holds = false;
  switch (kind) {
    case CheckKind::name:
      holds = pattern->holds_for(file.name());
      break;
    case CheckKind::mode:
      holds = pattern->holds_for(file.mode_text());
      break;
    case CheckKind::size:
      holds = greater ? file.size > bound : file.size < bound;
      break;
    default: {
      const std::int64_t age =
          std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count() - file.mtime.tv_sec;
      holds = greater ? age > bound : age < bound;
    }
  }
  return holds != mismatch;
}

std::size_t FileSearch::hit_count() const {
  std::size_t count = hits.size();
  for (const auto* checks : {&metadata_checks, &content_checks}) {
    for (const Check& check : *checks) count += check.hits.size();
  }
  return count;
}

Result<std::vector<FileSearch>> parse_searches(const json& parameters) {
  if (const auto checked = check_object(parameters, "parameters"); !checked) return tl::unexpected(checked.error());
  const json& object = member(parameters, "searches");
  if (const auto checked = check_object(object, "searches"); !checked) return tl::unexpected(checked.error());
  std::vector<FileSearch> searches;
  for (const auto& [label, value] : object.items()) {
    auto search = parse_search(label, value);
    if (!search) return tl::unexpected(search.error());
    searches.push_back(*std::move(search));
  }
  return searches;
}

}  // namespace mig_sandbox
