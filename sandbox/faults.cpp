#include "sandbox/faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/time.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::Result;

constexpr std::array<std::pair<FaultKind, std::string_view>, 11> kNames = {{
    {FaultKind::internal_error, "500"},
    {FaultKind::unauthorized, "401"},
    {FaultKind::latency, "latency"},
    {FaultKind::hang, "hang"},
    {FaultKind::reset_before, "reset-before"},
    {FaultKind::reset_inside, "reset-inside"},
    {FaultKind::reset_after, "reset-after"},
    {FaultKind::answer_lost, "answer-lost"},
    {FaultKind::cut_json, "cut-json"},
    {FaultKind::broken_json, "broken-json"},
    {FaultKind::unstable_pages, "unstable-pages"},
}};

template <class T>
bool read_whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<FaultKind> parse_kind(std::string_view name) {
  std::string known;
  for (const auto& [kind, text] : kNames) {
    if (text == name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  return fail("there is no fault \"" + std::string(name) + "\": it has to be one of " + known);
}

Result<void> read_setting(Fault& fault, std::string_view name, std::string_view value) {
  if (name == "rate") {
    if (read_whole(value, fault.rate) && fault.rate >= 0 && fault.rate <= 1) return {};
    return fail("the rate of a fault is a number from 0 to 1, not \"" + std::string(value) + '"');
  }
  if (name == "count") {
    if (read_whole(value, fault.count) && fault.count >= 0) return {};
    return fail("the count of a fault is a number, not \"" + std::string(value) + '"');
  }
  if (name == "path") {
    fault.path = value;
    return {};
  }
  if (name == "delay") {
    const auto delay = mig_runner::parse_go_duration(value);
    if (!delay) return fail("the delay of a fault: " + delay.error().what);
    fault.delay = std::chrono::duration_cast<std::chrono::milliseconds>(*delay);
    return {};
  }
  return fail("a fault has no setting \"" + std::string(name) + "\": it has rate, count, path and delay");
}

}  // namespace

std::string_view fault_name(FaultKind kind) {
  for (const auto& [one, text] : kNames) {
    if (one == kind) return text;
  }
  return "";
}

Result<Fault> Fault::parse(std::string_view text) {
  Fault fault;
  const std::string_view name = text.substr(0, text.find(':'));
  const auto kind = parse_kind(name);
  if (!kind) return tl::unexpected(kind.error());
  fault.kind = *kind;
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
  if (kind == FaultKind::latency) out += ",delay=" + mig_runner::format_go_duration(delay);
  return out;
}

std::int64_t Faults::add(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({next_id_, fault});
  return next_id_++;
}

bool Faults::remove(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(entries_, [&](const Entry& entry) { return entry.id == id; }) != 0;
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

std::vector<Faults::Entry> Faults::list() {
  const std::lock_guard lock(mutex_);
  return entries_;
}

Faults::Mishap Faults::choose(std::string_view request_line) {
  const std::lock_guard lock(mutex_);
  Mishap mishap;
  for (auto& [id, fault, hits] : entries_) {
    if (fault.count == 0 || request_line.find(fault.path) == std::string_view::npos) continue;
    const bool other = fault.kind != FaultKind::latency && fault.kind != FaultKind::unstable_pages;
    if ((other && mishap.kind) || !dice_.chance(fault.rate)) continue;
    ++hits;
    if (fault.count > 0) --fault.count;
    if (fault.kind == FaultKind::latency) mishap.delay += fault.delay;
    if (fault.kind == FaultKind::unstable_pages) mishap.shuffle = dice_.roll() | 1U;
    if (other) mishap.kind = fault.kind;
  }
  return mishap;
}

}  // namespace mig_sandbox
