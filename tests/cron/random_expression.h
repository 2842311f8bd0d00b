#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace mig_runner::cron {

// A random expression together with what it means, told in the plainest way: sets of numbers, and one test a form.
class RandomExpression {
 public:
  struct Options {
    bool seconds = false;      // with seconds: 7 fields
    bool small_hours = false;  // hours mostly from 0 to 4, where clocks change
    bool rare_days = true;     // L, W, # and years, too
  };

  RandomExpression(std::mt19937_64& random, const Options& options) : random_(random) {
    seconds_ = options.seconds ? field(0, 59, 59) : Field{"", {0}, true, false};
    minutes_ = field(0, 59, 59);
    hours_ = options.small_hours && chance(70) ? field(0, 4, 23) : field(0, 23, 23);
    month_days_ = field(1, 31, 31);
    months_ = chance(60) ? everything("*", 1, 12) : field(1, 12, 12);
    week_days_ = field(0, 6, 6);
    years_ = options.rare_days && chance(20) ? field(2020, 2035, 2099) : everything("*", 1970, 2099);
    if (options.rare_days) add_rare_days();
    text = minutes_.text + " " + hours_.text + " " + month_days_.text + " " + months_.text + " " + week_days_.text;
    if (options.seconds) text = seconds_.text + " " + text + " " + years_.text;
    if (!options.seconds && !years_.wildcard) text += " " + years_.text;
    interval = (options.seconds && seconds_.interval) || minutes_.interval || hours_.interval;
  }

  std::string text;
  bool interval = false;

  // `local` needs its date, time and tm_wday.
  bool fits(const std::tm& local) const { return fits_day(local) && fits_time(local); }

  bool fits_time(const std::tm& local) const {
    return seconds_.numbers.contains(local.tm_sec) && minutes_.numbers.contains(local.tm_min) &&
           hours_.numbers.contains(local.tm_hour);
  }

  bool fits_day(const std::tm& local) const {
    if (!months_.numbers.contains(local.tm_mon + 1) || !years_.numbers.contains(local.tm_year + 1900)) return false;
    const bool by_month = fits_month_day(local);
    const bool by_week = fits_week_day(local);
    const bool both_restricted = !month_days_.wildcard && !week_days_.wildcard;
    return both_restricted ? by_month || by_week : by_month && by_week;
  }

 private:
  struct Field {
    std::string text;
    std::set<int> numbers;
    bool wildcard = false;  // contains a bare *
    bool interval = false;  // begins with *
  };
  struct NthWeekDay {
    int week_day;
    int nth;  // 0: the last
  };

  bool chance(int percent) { return number(1, 100) <= percent; }
  int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  static Field everything(const std::string& text, int low, int high) {
    Field result{text, {}, true, true};
    for (int value = low; value <= high; ++value) result.numbers.insert(value);
    return result;
  }

  // Numbers are taken from low to high; "*" and "a/n" reach to `end`.
  Field field(int low, int high, int end) {
    if (chance(25)) return everything(chance(80) ? "*" : "?", end == 2099 ? 1970 : end == 31 || end == 12 ? 1 : 0, end);
    Field result;
    const int members = chance(70) ? 1 : number(2, 4);
    for (int i = 0; i < members; ++i) {
      if (i > 0) result.text += ",";
      add_member(result, low, high, end);
    }
    result.interval = result.text.front() == '*';
    return result;
  }

  void add_member(Field& to, int low, int high, int end) {
    const int first = number(low, high);
    int last = first;
    int step = 1;
    switch (number(0, 4)) {
      case 0:
        last = number(first, high);
        to.text += std::to_string(first) + "-" + std::to_string(last);
        break;
      case 1:
        last = number(first, high);
        step = number(1, 6);
        to.text += std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(step);
        break;
      case 2:
        if (end == 2099 || end <= 6)
          step = number(1, 4);
        else
          step = number(1, 12);
        last = end;
        to.text += std::to_string(first) + "/" + std::to_string(step);
        break;
      case 3:
        if (end != 2099) {
          step = number(1, 6);
          to.text += "*/" + std::to_string(step);
          for (int value = end == 31 || end == 12 ? 1 : 0; value <= end; value += step) to.numbers.insert(value);
          return;
        }
        [[fallthrough]];
      default:
        to.text += std::to_string(first);
    }
    for (int value = first; value <= last; value += step) to.numbers.insert(value);
  }

  void add_rare_days() {
    const auto append = [](Field& field, const std::string& member) { field.text += "," + member; };
    if (chance(15)) last_day_ = true, append(month_days_, "L");
    if (chance(15)) last_working_day_ = true, append(month_days_, "LW");
    if (chance(20)) {
      nearest_to_ = number(1, 31);
      append(month_days_, std::to_string(nearest_to_) + "W");
    }
    if (chance(20)) {
      nth_week_days_.push_back({number(0, 6), 0});
      append(week_days_, std::to_string(nth_week_days_.back().week_day) + "L");
    }
    if (chance(20)) {
      nth_week_days_.push_back({number(0, 6), number(1, 5)});
      append(week_days_,
             std::to_string(nth_week_days_.back().week_day) + "#" + std::to_string(nth_week_days_.back().nth));
    }
    if (chance(25)) keep_only_rare(month_days_, last_day_ || last_working_day_ || nearest_to_ != 0);
    if (chance(25)) keep_only_rare(week_days_, !nth_week_days_.empty());
  }

  // Takes the plain members away, so that "1L" stands alone.
  static void keep_only_rare(Field& field, bool has_rare) {
    if (!has_rare) return;
    field.numbers.clear();
    field.wildcard = false;
    const auto rare = field.text.find_first_of("LW#");
    field.text.erase(0, field.text.rfind(',', rare) + 1);
  }

  static int month_length(const std::tm& local) {
    static constexpr std::array kLengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int year = local.tm_year + 1900;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return kLengths[static_cast<std::size_t>(local.tm_mon)] + (local.tm_mon == 1 && leap ? 1 : 0);
  }

  static bool is_working_day(const std::tm& local, int day) {
    const int week_day = ((local.tm_wday + day - local.tm_mday) % 7 + 7) % 7;
    return week_day >= 1 && week_day <= 5;
  }

  bool fits_month_day(const std::tm& local) const {
    const int length = month_length(local);
    if (month_days_.numbers.contains(local.tm_mday)) return true;
    if (last_day_ && local.tm_mday == length) return true;
    if (!is_working_day(local, local.tm_mday)) return false;
    if (last_working_day_) {
      bool is_last = true;
      for (int day = local.tm_mday + 1; day <= length; ++day) is_last = is_last && !is_working_day(local, day);
      if (is_last) return true;
    }
    if (nearest_to_ == 0 || nearest_to_ > length) return false;
    for (int away = 0; away < 3; ++away) {
      for (int day : {nearest_to_ - away, nearest_to_ + away}) {
        if (day >= 1 && day <= length && is_working_day(local, day)) return day == local.tm_mday;
      }
    }
    return false;
  }

  bool fits_week_day(const std::tm& local) const {
    if (week_days_.numbers.contains(local.tm_wday)) return true;
    for (const auto& [week_day, nth] : nth_week_days_) {
      if (week_day != local.tm_wday) continue;
      if (nth == 0 ? local.tm_mday + 7 > month_length(local) : (local.tm_mday + 6) / 7 == nth) return true;
    }
    return false;
  }

  std::mt19937_64& random_;
  Field seconds_, minutes_, hours_, month_days_, months_, week_days_, years_;
  bool last_day_ = false;
  bool last_working_day_ = false;
  int nearest_to_ = 0;
  std::vector<NthWeekDay> nth_week_days_;
};

}  // namespace mig_runner::cron
