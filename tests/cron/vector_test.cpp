#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cron/schedule.h"

namespace mig_runner::cron {
namespace {

nlohmann::json read_vectors(const std::string& name) {
  std::ifstream file(MIG_TEST_DATA "/vectors/" + name);
  return nlohmann::json::parse(file);
}

// All times that a vector lists; null at the end where it says that there are no more.
void expect_times(const nlohmann::json& vector, const Zone& zone) {
  const auto expression = vector.at("expr").get<std::string>();
  SCOPED_TRACE(expression + " from " + vector.at("from").get<std::string>() + " in " + zone.name());
  const auto schedule = Schedule::parse(expression);
  ASSERT_TRUE(schedule) << schedule.error().text();
  const auto from = parse_rfc3339(vector.at("from").get<std::string>()).value();
  auto after = from;
  for (const auto& expected : vector.at("next")) {
    const auto time = schedule->next(after, zone);
    ASSERT_TRUE(time) << "after " << format_utc(after);
    EXPECT_EQ(format_utc(*time), expected.get<std::string>()) << "after " << format_utc(after);
    after = *time;
  }
  if (vector.at("next").empty()) {
    EXPECT_FALSE(schedule->next(after, zone));
    EXPECT_FALSE(schedule->latest(from, from + std::chrono::hours(24 * 365 * 100), zone));
  } else {
    EXPECT_EQ(schedule->latest(from, after, zone), after);
  }
}

TEST(CronVectors, EveryValidExpressionInUtc) {
  const auto vectors = read_vectors("cron_utc.json").at("valid");
  ASSERT_GE(vectors.size(), 300U);
  for (const auto& vector : vectors) expect_times(vector, Zone::utc());
}

TEST(CronVectors, EveryInvalidExpression) {
  const auto vectors = read_vectors("cron_utc.json").at("invalid");
  ASSERT_GE(vectors.size(), 35U);
  for (const auto& vector : vectors) {
    const auto schedule = Schedule::parse(vector.get<std::string>());
    ASSERT_FALSE(schedule) << vector;
    EXPECT_TRUE(schedule.error().where.starts_with("column ")) << schedule.error().text();
  }
}

// The vectors follow the rule that Cuba had when they were made; tzdata 2026f has another from November 2026 on.
std::string zone_of_vectors(const std::string& name) {
  return name == "America/Havana" ? "CST5CDT,M3.2.0/0,M11.1.0/1" : name;
}

TEST(CronVectors, EveryChangeOfOffset) {
  const auto vectors = read_vectors("cron_dst.json").at("cases");
  ASSERT_GE(vectors.size(), 260U);
  for (const auto& vector : vectors) {
    const auto zone = Zone::find(zone_of_vectors(vector.at("zone").get<std::string>()));
    ASSERT_TRUE(zone) << zone.error().text();
    expect_times(vector, *zone);
  }
}

}  // namespace
}  // namespace mig_runner::cron
