#include "sandbox/faults/faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/time.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::Result;

using std::chrono::milliseconds;

// A name, and the settings that it has beyond rate, count and path: those with a default.
struct Kind {
  FaultKind kind;
  std::string_view name;
  milliseconds delay{0};
  std::int64_t size = 0;
  int status = 0;
};

constexpr std::array<Kind, 22> kKinds = {{
    {.kind = FaultKind::internal_error, .name = "500"},
    {.kind = FaultKind::unauthorized, .name = "401"},
    {.kind = FaultKind::html, .name = "html", .delay = milliseconds(1000), .status = 404},
    {.kind = FaultKind::html, .name = "html-404", .delay = milliseconds(1000), .status = 404},
    {.kind = FaultKind::html_after, .name = "html-after", .delay = milliseconds(1000), .status = 502},
    {.kind = FaultKind::latency, .name = "latency", .delay = milliseconds(1000)},
    {.kind = FaultKind::hang, .name = "hang"},
    {.kind = FaultKind::reset_before, .name = "reset-before"},
    {.kind = FaultKind::reset_inside, .name = "reset-inside"},
    {.kind = FaultKind::reset_after, .name = "reset-after"},
    {.kind = FaultKind::answer_lost, .name = "answer-lost"},
    {.kind = FaultKind::cut_json, .name = "cut-json"},
    {.kind = FaultKind::broken_json, .name = "broken-json"},
    {.kind = FaultKind::unstable_pages, .name = "unstable-pages"},
    {.kind = FaultKind::exponent_ids, .name = "exponent-ids"},
    {.kind = FaultKind::stored_500, .name = "stored-500"},
    {.kind = FaultKind::orphan, .name = "orphan"},
    {.kind = FaultKind::other_action, .name = "other-action"},
    {.kind = FaultKind::preparing, .name = "preparing", .delay = milliseconds(5000)},
    {.kind = FaultKind::late_answers, .name = "late-answers", .delay = milliseconds(2000)},
    {.kind = FaultKind::deep_answer, .name = "deep-answer", .size = 1100},
    {.kind = FaultKind::huge_answer, .name = "huge-answer", .size = 60'000'000},
}};

constexpr std::string_view kPost = "POST /api/v1/action/create/";
constexpr std::int64_t kMostSize = 1'000'000'000;

bool can_hit(FaultKind kind, std::string_view request_line) {
  return kind < FaultKind::stored_500 || request_line.starts_with(kPost);
}

const Kind& kind_of(FaultKind kind) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) { return one.kind == kind; });
}

template <class T>
bool read_whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Fault> fault_named(std::string_view name) {
  std::string known;
  for (const auto& kind : kKinds) {
    if (kind.name == name) {
      Fault fault;
      fault.kind = kind.kind;
      fault.delay = kind.delay;
      fault.size = kind.size;
      fault.status = kind.status;
      return fault;
    }
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  return fail("there is no fault \"" + std::string(name) + "\": it has to be one of " + known);
}

// The settings that every fault has. False: it is another one.
Result<bool> read_common(Fault& fault, std::string_view name, std::string_view value) {
  if (name == "rate") {
    if (read_whole(value, fault.rate) && fault.rate >= 0 && fault.rate <= 1) return true;
    return fail("the rate of a fault is a number from 0 to 1, not \"" + std::string(value) + '"');
  }
  if (name == "count") {
    if (read_whole(value, fault.count) && fault.count >= 0) return true;
    return fail("the count of a fault is a number, not \"" + std::string(value) + '"');
  }
  if (name == "path") fault.path = value;
  return name == "path";
}

Result<void> read_setting(Fault& fault, std::string_view name, std::string_view value) {
  const auto common = read_common(fault, name, value);
  if (!common) return tl::unexpected(common.error());
  if (*common) return {};
  const Kind& kind = kind_of(fault.kind);
  if (name == "delay" && kind.delay.count() != 0) {
    const auto delay = mig_runner::parse_go_duration(value);
    if (!delay) return fail("the delay of a fault: " + delay.error().what);
    fault.delay = std::chrono::duration_cast<milliseconds>(*delay);
    return {};
  }
  if (name == "size" && kind.size != 0) {
    if (read_whole(value, fault.size) && fault.size > 0 && fault.size <= kMostSize) return {};
    return fail("the size of a fault is a number up to " + std::to_string(kMostSize) + ", not \"" + std::string(value) +
                '"');
  }
  if (name == "status" && kind.status != 0) {
    if (read_whole(value, fault.status) && fault.status >= 200 && fault.status <= 599) return {};
    return fail("the status of a fault is a number from 200 to 599, not \"" + std::string(value) + '"');
  }
  return fail("the fault " + std::string(kind.name) + " has no setting \"" + std::string(name) + '"');
}

}  // namespace

std::string_view fault_name(FaultKind kind) {
  return kind_of(kind).name;
}

Result<Fault> Fault::parse(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  auto named = fault_named(name);
  if (!named) return named;
  Fault fault = *std::move(named);
  text.remove_prefix(std::min(text.size(), name.size() + 1));
  while (!text.empty()) {
    const std::string_view setting = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), setting.size() + 1));
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const auto value = setting.substr(std::min(equals + 1, setting.size()));
    if (auto done = read_setting(fault, setting.substr(0, equals), value); !done) return tl::unexpected(done.error());
  }
  return fault;
}

std::string Fault::text() const {
  std::array<char, 32> number{};
  const auto end = std::to_chars(number.data(), number.data() + number.size(), rate).ptr;
  std::string out = std::string(fault_name(kind)) + ":rate=" + std::string(number.data(), end);
  if (count >= 0) out += ",count=" + std::to_string(count);
  if (!path.empty()) out += ",path=" + path;
  const Kind& settings = kind_of(kind);
  if (settings.delay.count() != 0) out += ",delay=" + mig_runner::format_go_duration(delay);
  if (settings.size != 0) out += ",size=" + std::to_string(size);
  if (settings.status != 0) out += ",status=" + std::to_string(status);
  return out;
}

std::int64_t Faults::add(const Fault& fault) {
  const mig_runner::MutexLock lock(mutex_);
  entries_.push_back({next_id_, fault});
  return next_id_++;
}

bool Faults::remove(std::int64_t id) {
  const mig_runner::MutexLock lock(mutex_);
  return std::erase_if(entries_, [&](const Entry& entry) { return entry.id == id; }) != 0;
}

void Faults::clear() {
  const mig_runner::MutexLock lock(mutex_);
  entries_.clear();
}

std::vector<Faults::Entry> Faults::list() {
  const mig_runner::MutexLock lock(mutex_);
  return entries_;
}

Faults::Mishap Faults::choose(std::string_view request_line) {
  const mig_runner::MutexLock lock(mutex_);
  Mishap mishap;
  for (auto& [id, fault, hits] : entries_) {
    if (fault.count == 0 || request_line.find(fault.path) == std::string_view::npos) continue;
    if (!can_hit(fault.kind, request_line)) continue;
    const bool other = fault.kind != FaultKind::latency && fault.kind != FaultKind::unstable_pages &&
                       fault.kind != FaultKind::exponent_ids;
    if ((other && mishap.fault) || !dice_.chance(fault.rate)) continue;
    ++hits;
    if (fault.count > 0) --fault.count;
    if (fault.kind == FaultKind::latency) mishap.delay += fault.delay;
    if (fault.kind == FaultKind::unstable_pages) mishap.shuffle = dice_.roll() | 1U;
    if (fault.kind == FaultKind::exponent_ids) mishap.exponent_ids = true;
    if (other) mishap.fault = fault;
  }
  return mishap;
}

}  // namespace mig_sandbox
