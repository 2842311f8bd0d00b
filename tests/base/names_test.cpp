#include "base/names.h"

#include <gtest/gtest.h>

namespace mig_runner {
namespace {

TEST(Names, APluginIsAFileInPlugins) {
  for (const std::string name : {"save", "save.sh", "a b", "\xC3\xA4", ""}) EXPECT_EQ(plugin_name_problem(name), "");
  for (const std::string name : {"../save", "/usr/bin/python3", "a/b", ".", "..", ".hidden", "a\nb", "a\x7F"})
    EXPECT_NE(plugin_name_problem(name), "") << name;
  EXPECT_EQ(plugin_name_problem(std::string(255, 'x')), "");
  EXPECT_NE(plugin_name_problem(std::string(256, 'x')), "");
}

TEST(Names, AResultFileLiesInTheResultsOfItsJob) {
  for (const std::string path : {"runners/disk/results/20261123/7.json", "runners/disk/results/7.json.zst"})
    EXPECT_EQ(result_file_problem("disk", path), "") << path;
  for (const std::string path :
       {"", "runners/disk/results", "runners/disk/results/", "runners/disk/results/../entity.cfg",
        "runners/disk/results/./7.json", "runners/disk/results/20261123/", "runners/other/results/20261123/7.json",
        "runners/disk/entity.cfg", "/etc/passwd", "../migrc", "state/runs.db", "runners/disk/inflight/7.json"})
    EXPECT_NE(result_file_problem("disk", path), "") << path;
  EXPECT_NE(result_file_problem("..", "runners/../results/7.json"), "");
  EXPECT_NE(result_file_problem("a/b", "runners/a/b/results/7.json"), "");
  EXPECT_NE(result_file_problem("disk", std::string("runners/disk/results/7\0.json", 28)), "");
}

}  // namespace
}  // namespace mig_runner
