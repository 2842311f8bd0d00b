#include "sandbox/fleet/fleet_script.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mig_sandbox::test {
namespace {

using nlohmann::json;

json found_by(const json& search) {
  const json operations = {{{"module", "file"}, {"parameters", {{"searches", {{"s", search}}}}}}};
  std::string out;
  FleetScript(operations.dump()).append_result(out, 0, true, Dice(7));
  return json::parse(out).at("elements").at("s").at(0);
}

TEST(FleetScript, FindsFilesThatFitTheSearch) {
  const json by_mode = found_by({{"paths", {"/etc"}}, {"modes", {"^-.......w.$"}}});
  EXPECT_EQ(by_mode["file"], "/etc/settings.conf");
  EXPECT_EQ(by_mode["fileinfo"]["mode"], "-rw-rw-rw-");
  const json by_hash =
      found_by({{"paths", {"/opt"}}, {"sha2", {std::string(64, 'a')}}, {"options", {{"returnsha256", true}}}});
  EXPECT_EQ(by_hash["fileinfo"]["sha256"], std::string(64, 'A'));
  EXPECT_EQ(found_by({{"paths", {"/etc/passwd"}}, {"contents", {"^root"}}})["file"], "/etc/passwd");
}

}  // namespace
}  // namespace mig_sandbox::test
