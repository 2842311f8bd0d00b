#include "sandbox/base/times.h"

#include <cmath>

namespace mig_sandbox {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

constexpr std::int64_t kSecond = 1'000'000;

constexpr Micros eleven(year y) {
  const auto day = sys_days{y / 1 / 11}.time_since_epoch();
  return std::chrono::seconds(day).count() * kSecond + (11 * 3600 + 11 * 60 + 11) * kSecond;
}

std::int64_t floor_seconds(Micros time) {
  return time / kSecond - (time % kSecond < 0 ? 1 : 0);
}

}  // namespace

const Micros kNever = eleven(year{9998});
const Micros kLongAgo = eleven(year{9});

Micros to_micros(Timestamp time) {
  return time.time_since_epoch().count() * 1000;
}

Timestamp to_timestamp(Micros time) {
  const std::int64_t second = floor_seconds(time);
  return Timestamp(std::chrono::milliseconds(second * 1000 + (time - second * kSecond) / 1000));
}

std::string fixed_width(Micros time) {
  const std::int64_t second = floor_seconds(time);
  std::string text = mig_runner::format_utc(Timestamp(std::chrono::seconds(second)));
  std::string digits = std::to_string(kSecond + time - second * kSecond);
  digits[0] = '.';
  return text.insert(text.size() - 1, digits);
}

std::string format_micros(Micros time) {
  std::string text = fixed_width(time);
  text.erase(text.find_last_not_of("0Z") + 1);
  if (text.back() == '.') text.pop_back();
  return text += 'Z';
}

Result<Micros> parse_micros(std::string_view text) {
  const auto instant = mig_runner::parse_rfc3339(text);
  if (!instant) return tl::unexpected(instant.error());
  const Micros whole = floor_seconds(to_micros(*instant)) * kSecond;
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return whole;
  double fraction = 0;
  double unit = 0.1;
  for (std::size_t i = point + 1; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, unit /= 10)
    fraction += unit * (text[i] - '0');
  return whole + std::llround(fraction * static_cast<double>(kSecond));
}

}  // namespace mig_sandbox
