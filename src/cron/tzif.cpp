#include "cron/tzif.h"

#include <chrono>

#include "cron/posix_tz.h"

namespace mig_runner::cron {
namespace {

constexpr std::size_t kHeaderSize = 44;
constexpr Seconds kTimeLimit = Seconds{1} << 36;  // about 2,000 years either side of 1970: nothing overflows within

tl::unexpected<Error> damaged() {
  return fail("is not a complete time zone file (TZif)");
}

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = !bytes.empty() && (bytes[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

struct Header {
  char version = 0;
  std::size_t isut = 0, isstd = 0, leap = 0, times = 0, types = 0, characters = 0;

  std::size_t data_size(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + characters + leap * (time_size + 4) + isstd + isut;
  }
};

std::optional<Header> read_header(std::string_view bytes) {
  if (bytes.size() < kHeaderSize || bytes.substr(0, 4) != "TZif") return std::nullopt;
  const auto count = [&](std::size_t index) {
    return static_cast<std::size_t>(big_endian(bytes.substr(20 + 4 * index, 4)) & 0xffffffff);
  };
  return Header{bytes[4], count(0), count(1), count(2), count(3), count(4), count(5)};
}

std::optional<std::vector<LocalType>> read_types(std::string_view bytes, std::string_view names, std::size_t count) {
  std::vector<LocalType> types;
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = bytes.substr(i * 6, 6);
    const auto name_at = static_cast<unsigned char>(entry[5]);
    const auto offset = big_endian(entry.substr(0, 4));
    if (name_at >= names.size() || offset < -86400 * 2 || offset > 86400 * 2) return std::nullopt;
    const auto name = names.substr(name_at);
    types.push_back({static_cast<std::int32_t>(offset), std::string(name.substr(0, name.find('\0')))});
  }
  return types;
}

std::optional<std::vector<Change>> read_changes(std::string_view times, std::string_view indexes,
                                                const std::vector<LocalType>& types) {
  std::vector<Change> changes;
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    const auto type = static_cast<unsigned char>(indexes[i]);
    const auto at = big_endian(times.substr(i * 8, 8));
    if (type >= types.size() || (!changes.empty() && at <= changes.back().at)) return std::nullopt;
    if (at > kTimeLimit) return std::nullopt;
    if (at < -kTimeLimit) {  // some files begin with the Big Bang
      changes.assign(1, {-kTimeLimit, types[type]});
    } else {
      changes.push_back({at, types[type]});
    }
  }
  return changes;
}

int year_of(Seconds time) {
  using namespace std::chrono;
  return static_cast<int>(year_month_day{floor<days>(sys_seconds{seconds{time}})}.year());
}

// Carries the rule at the file's end on from its last change.
std::optional<Error> extend(std::vector<Change>& changes, std::string_view rule) {
  if (rule.empty()) return std::nullopt;  // the last offset stays
  const auto zone = PosixTz::parse(rule);
  if (!zone) return Error{"ends with a rule that makes no sense: " + zone.error().what, {}};
  const auto last = changes.empty() ? std::optional<Seconds>{} : changes.back().at;
  for (auto& change : zone->changes(last ? year_of(*last) : 1969, kLastYear + 1)) {
    if (!last || change.at > *last) changes.push_back(std::move(change));
  }
  return std::nullopt;
}

}  // namespace

Result<Zone::Rules> read_tzif(std::string zone_name, std::string_view bytes) {
  const auto old = read_header(bytes);
  if (!old) return fail("is not a time zone file (TZif)");
  if (old->version < '2')
    return fail("is a time zone file of the old format, which ends in 2037: it has to be version 2");
  const auto skipped = kHeaderSize + old->data_size(4);
  const auto header = skipped < bytes.size() ? read_header(bytes.substr(skipped)) : std::nullopt;
  if (!header || header->types == 0 || bytes.size() < skipped + kHeaderSize + header->data_size(8)) return damaged();
  if (header->leap != 0) return fail("counts leap seconds: give the zone of the same name without \"right/\"");

  auto data = bytes.substr(skipped + kHeaderSize);
  const auto take = [&data](std::size_t size) {
    const auto piece = data.substr(0, size);
    data.remove_prefix(size);
    return piece;
  };
  const auto times = take(header->times * 8);
  const auto indexes = take(header->times);
  const auto type_bytes = take(header->types * 6);
  const auto types = read_types(type_bytes, take(header->characters), header->types);
  auto changes = types ? read_changes(times, indexes, *types) : std::nullopt;
  take(header->isstd + header->isut);
  const auto rule_end = data.find('\n', 1);
  if (!changes || data.empty() || data.front() != '\n' || rule_end == std::string_view::npos) return damaged();
  if (auto error = extend(*changes, data.substr(1, rule_end - 1))) return tl::unexpected(std::move(*error));
  return Zone::Rules(std::move(zone_name), types->front(), std::move(*changes));
}

}  // namespace mig_runner::cron
