#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "agent/agent_support.h"
#include "support/scratch_directory.h"

namespace mig_sandbox::test {
namespace {

using mig_runner::test::ScratchDirectory;
using mig_runner::test::write_text;
using ::testing::HasSubstr;
using Files = std::set<std::string>;

class FileModule : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch_.path() / name).string(); }
  std::string root() const { return scratch_.path().string(); }
  void write(const std::string& name, std::string_view text) { write_text(scratch_.path() / name, text); }

  // Files, without the root, that a search under the root gives.
  Files found(json more) const {
    Files names;
    for (const std::string& file : files_of(run("file", search_in({root()}, std::move(more))))) {
      if (!file.empty()) names.insert(file.substr(root().size() + 1));
    }
    return names;
  }
  static std::string error_of(const json& parameters) {
    const json answer = run("file", parameters);
    EXPECT_EQ(answer["success"], false) << answer;
    EXPECT_EQ(answer["elements"], json::object());
    EXPECT_EQ(answer["statistics"]["exectime"], "");
    return answer["errors"].is_array() ? answer["errors"].at(0).get<std::string>() : "";
  }

  ScratchDirectory scratch_;
};

TEST_F(FileModule, NamesAreRegularExpressionsOnTheBaseName) {
  write("a/passwd", "");
  write("a/passwd-", "");
  write("passwd/other", "");
  EXPECT_EQ(found({{"names", {"^passwd$"}}}), Files({"a/passwd"}));
  EXPECT_EQ(found({{"names", {"!^passwd"}}}), Files({"passwd/other"}));
  EXPECT_EQ(found({{"names", {"^passwd$"}}, {"options", {{"mismatch", {"name"}}}}}),
            Files({"a/passwd-", "passwd/other"}));
}

TEST_F(FileModule, MetadataIsThatOfStat) {
  write("plain", "12345");
  write("suid", "x");
  chmod(path("suid").c_str(), 04751);
  chmod(path("plain").c_str(), 0640);
  const json answer = run("file", search_in({root()}, {{"names", {"."}}}));
  ASSERT_EQ(answer["elements"]["s"].size(), 2U);
  for (const json& element : answer["elements"]["s"]) {
    const auto file = element["file"].get<std::string>();
    const std::string stat = lines_of("TZ=UTC stat -c '%s %y' " + file).at(0);
    std::string time = element["fileinfo"]["lastmodified"].get<std::string>();
    ASSERT_THAT(time, ::testing::EndsWith(" +0000 UTC"));
    time = time.substr(0, time.size() - 10);
    EXPECT_THAT(stat, ::testing::StartsWith(std::to_string(element["fileinfo"]["size"].get<int>()) + " " + time));
  }
  const auto mode = [&](const char* name) {
    return run("file", search_in({path(name)}, {{"names", {"."}}}))["elements"]["s"][0]["fileinfo"]["mode"];
  };
  EXPECT_EQ(mode("plain"), "-rw-r-----");
  EXPECT_EQ(mode("suid"), "urwxr-x--x");
}

TEST_F(FileModule, WorldWritableByMode) {
  write("open", "");
  write("closed", "");
  chmod(path("open").c_str(), 0666);
  chmod(path("closed").c_str(), 0644);
  EXPECT_EQ(found({{"modes", {"^-.......w.$"}}}), Files({"open"}));
}

TEST_F(FileModule, SizesWithUnits) {
  write("small", std::string(1024, 'x'));
  write("large", std::string(10 * 1024 + 1, 'x'));
  EXPECT_EQ(found({{"sizes", {">10k"}}}), Files({"large"}));
  EXPECT_EQ(found({{"sizes", {"<1025"}}}), Files({"small"}));
  EXPECT_EQ(found({{"sizes", {"<1k"}}}), Files());
  EXPECT_EQ(found({{"sizes", {">1k", "<1m"}}, {"options", {{"matchall", true}}}}), Files({"large"}));
}

TEST_F(FileModule, ModificationTimesAgainstTheGivenTime) {
  write("old", "");
  write("new", "");
  const auto now = Timestamp(std::chrono::seconds(1'800'000'000));
  const auto age = [&](const char* name, long days) {
    const timespec time{1'800'000'000 - days * 86400, 0};
    const timespec both[2] = {time, time};
    utimensat(AT_FDCWD, path(name).c_str(), both, 0);
  };
  age("old", 91);
  age("new", 89);
  const auto at = [&](const char* bound) {
    return files_of(run_operation("file", search_in({root()}, {{"mtimes", {bound}}}), now));
  };
  EXPECT_EQ(at("<90d"), Files({path("new")}));
  EXPECT_EQ(at(">90d"), Files({path("old")}));
  EXPECT_EQ(at(">2183h"), Files({path("old")}));
  EXPECT_EQ(at("<131040m"), Files({path("new")}));
}

TEST_F(FileModule, ContentsLineByLine) {
  write("both", "root:x\ndaemon:y\n");
  write("one", "root:x\nxdaemon:y");
  write("dos", "daemon:y\r\nend");
  EXPECT_EQ(found({{"contents", {"^root", "^daemon"}}, {"options", {{"matchall", true}}}}), Files({"both"}));
  EXPECT_EQ(found({{"contents", {"daemon:y$"}}}), Files({"both", "one", "dos"}));
  EXPECT_EQ(found({{"contents", {"!^daemon"}}}), Files({"one"}));
  EXPECT_EQ(found({{"contents", {"^daemon"}}, {"options", {{"mismatch", {"content"}}}}}), Files({"one"}));
}

TEST_F(FileModule, MacroalAsksEveryLine) {
  write("known", "# keys\nssh-rsa AAAA a\n");
  write("rogue", "# keys\nssh-rsa BBBB b\n");
  const json only_known = {{"contents", {"^(#.*|ssh-rsa AAAA .*)$"}},
                           {"options", {{"macroal", true}, {"matchall", true}}}};
  EXPECT_EQ(found(only_known), Files({"known"}));
  json not_only_known = only_known;
  not_only_known["options"]["mismatch"] = {"content"};
  EXPECT_EQ(found(not_only_known), Files({"rogue"}));
}

TEST_F(FileModule, LinesAndFilesOfAnyLength) {
  std::string big(3'000'000, 'a');
  big += "needle";
  write("big", big);
  write("zeros", std::string(100'000, '\0') + "\nneedle\n");
  EXPECT_EQ(found({{"contents", {"needle$"}}}), Files({"big", "zeros"}));
}

TEST_F(FileModule, DigestsAreThoseOfCoreutils) {
  write("target", std::string(200'000, 'q') + "\n");
  write("other", "q");
  const auto sum = [&](const std::string& tool) {
    return lines_of(tool + " " + path("target")).at(0).substr(0, lines_of(tool + " " + path("target")).at(0).find(' '));
  };
  EXPECT_EQ(found({{"md5", {sum("md5sum")}}}), Files({"target"}));
  EXPECT_EQ(found({{"sha1", {sum("sha1sum")}}}), Files({"target"}));
  EXPECT_EQ(found({{"sha2", {sum("sha256sum")}}}), Files({"target"}));
  EXPECT_EQ(found({{"sha2", {sum("sha384sum")}}}), Files({"target"}));
  EXPECT_EQ(found({{"sha2", {sum("sha512sum")}}}), Files({"target"}));
  EXPECT_EQ(found({{"sha2", {sum("sha256sum")}}, {"options", {{"mismatch", {"sha2"}}}}}), Files({"other"}));
  std::string upper = sum("sha256sum");
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_EQ(found({{"sha2", {upper}}}), Files({"target"}));
  const json answer = run("file", search_in({root()}, {{"names", {"target"}}, {"options", {{"returnsha256", true}}}}));
  EXPECT_EQ(answer["elements"]["s"][0]["fileinfo"]["sha256"], upper);
}

TEST_F(FileModule, DigestSha3OfNothing) {
  write("empty", "");
  EXPECT_EQ(found({{"sha3", {"a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"}}}), Files({"empty"}));
}

TEST_F(FileModule, DecompressLooksInsideGzip) {
  write("log", "a secret line\n");
  lines_of("gzip -k " + path("log"));
  EXPECT_EQ(found({{"contents", {"secret"}}}), Files({"log"}));
  EXPECT_EQ(found({{"contents", {"secret"}}, {"options", {{"decompress", true}}}}), Files({"log", "log.gz"}));
}

TEST_F(FileModule, DepthCountsFromTheSearchedDirectory) {
  write("one", "");
  write("d/two", "");
  write("d/d/three", "");
  const auto to_depth = [&](int depth) { return found({{"names", {"."}}, {"options", {{"maxdepth", depth}}}}); };
  EXPECT_EQ(to_depth(1), Files({"one"}));
  EXPECT_EQ(
      run("file", search_in({root()}, {{"names", {"."}}, {"options", {{"maxdepth", 1}}}}))["statistics"]["filescount"],
      1);
  EXPECT_EQ(to_depth(2), Files({"one", "d/two"}));
  EXPECT_EQ(to_depth(0), Files({"one", "d/two", "d/d/three"}));
}

TEST_F(FileModule, SearchesWithTheirOwnDepthShareOneWalk) {
  write("one", "");
  write("d/two", "");
  const json answer = run("file", {{"searches",
                                    {{"flat", {{"paths", {root()}}, {"names", {"."}}, {"options", {{"maxdepth", 1}}}}},
                                     {"deep", {{"paths", {root() + "/"}}, {"names", {"."}}}}}}});
  EXPECT_EQ(files_of(answer, "flat"), Files({path("one")}));
  EXPECT_EQ(files_of(answer, "deep"), Files({path("one"), path("d/two")}));
  EXPECT_EQ(answer["statistics"]["filescount"], 2);
  EXPECT_EQ(answer["statistics"]["totalhits"], 3);
}

TEST_F(FileModule, MatchLimitEndsASearch) {
  for (int i = 0; i < 20; ++i) write("f" + std::to_string(i), "");
  EXPECT_EQ(found({{"names", {"."}}, {"options", {{"matchlimit", 7}}}}).size(), 7U);
  EXPECT_EQ(found({{"names", {"."}}, {"options", {{"matchlimit", 7}, {"matchall", true}}}}).size(), 7U);
}

TEST_F(FileModule, MatchAnyTellsWhichCheckMatched) {
  write("a", "1");
  write("b", "22");
  const json answer = run("file", search_in({root()}, {{"names", {"^a$", "^zzz$"}}, {"sizes", {">1"}}}));
  ASSERT_EQ(answer["elements"]["s"].size(), 3U);
  EXPECT_EQ(answer["elements"]["s"][0]["file"], path("a"));
  EXPECT_EQ(answer["elements"]["s"][0]["search"]["names"], json({"^a$"}));
  EXPECT_FALSE(answer["elements"]["s"][0]["search"].contains("sizes"));
  EXPECT_EQ(answer["elements"]["s"][1]["file"], "");
  EXPECT_EQ(answer["elements"]["s"][2]["file"], path("b"));
  EXPECT_EQ(answer["elements"]["s"][2]["search"]["sizes"], json({">1"}));
  EXPECT_EQ(answer["statistics"]["totalhits"], 2);
}

TEST_F(FileModule, NothingFoundByAMatchAllSearchIsNull) {
  const json answer = run("file", search_in({root()}, {{"names", {"x"}}, {"options", {{"matchall", true}}}}));
  EXPECT_EQ(answer["elements"]["s"], nullptr);
  EXPECT_EQ(answer["foundanything"], false);
  EXPECT_EQ(answer["success"], true);
}

TEST_F(FileModule, AFileInTwoPathsOfASearchCountsOnce) {
  write("d/x", "");
  const json answer = run("file", search_in({root(), path("d"), path("d/x")}, {{"names", {"^x$"}}}));
  EXPECT_EQ(answer["statistics"]["totalhits"], 1);
}

TEST_F(FileModule, LinksAreFollowedToFilesOnly) {
  write("real/file", "content");
  symlink("real", path("to_directory").c_str());
  symlink(".", path("real/loop").c_str());
  symlink("real/file", path("to_file").c_str());
  symlink("nowhere", path("dangling").c_str());
  EXPECT_EQ(found({{"contents", {"content"}}}), Files({"real/file", "to_file"}));
  EXPECT_EQ(found({{"modes", {"^L"}}}), Files({"dangling"}));
  EXPECT_EQ(files_of(run("file", search_in({path("to_directory")}, {{"contents", {"content"}}}))),
            Files({path("to_directory") + "/file"}));
}

TEST_F(FileModule, NeverWaitsForFifosSocketsAndDevices) {
  mkfifo(path("fifo").c_str(), 0644);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  symlink("/dev/zero", path("zero").c_str());
  symlink("fifo", path("to_fifo").c_str());
  const json answer = run(
      "file", search_in({root(), path("fifo"), "/dev/zero"}, {{"contents", {"x"}}, {"sha2", {std::string(64, '0')}}}));
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["statistics"]["totalhits"], 0);
  EXPECT_EQ(answer["statistics"]["openfailed"], 0);
  EXPECT_EQ(found({{"modes", {"^[pS]"}}}), Files({"fifo", "socket", "to_fifo"}));
  close(listener);
}

TEST_F(FileModule, UnreadableIsCountedAndTold) {
  // Everybody but root meets files that they may not read.
  const bool is_root = getuid() == 0;
  ASSERT_EQ(is_root ? seteuid(65534) : 0, 0);
  const json answer = run("file", search_in({"/etc/shadow"}, {{"contents", {"root"}}}));
  ASSERT_EQ(is_root ? seteuid(0) : 0, 0);
  EXPECT_EQ(answer["statistics"]["openfailed"], 1);
  EXPECT_EQ(answer["errors"], json({"ERROR: open /etc/shadow: permission denied"}));
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["foundanything"], false);
}

TEST_F(FileModule, KernelMadeTreesOnlyWhereNamed) {
  EXPECT_EQ(run("file", search_in({"/proc/uptime"}, {{"contents", {"^[0-9]+\\."}}}))["foundanything"], true);
  EXPECT_EQ(files_of(run("file", search_in({"/"}, {{"names", {"^uptime$"}},
                                                   {"options", {{"maxdepth", 2}, {"matchall", true}}}})))
                .count("/proc/uptime"),
            0U);
}

TEST_F(FileModule, DoesNotDrainTheKernelsLog) {
  const json answer = run("file", search_in({"/proc/kmsg"}, {{"contents", {"."}}}));
  EXPECT_EQ(answer["foundanything"], false);
  EXPECT_EQ(answer["statistics"]["openfailed"], 1);
}

TEST_F(FileModule, EndsAtItsTimeLimitOrWhenStopped) {
  write("f", "");
  const json late = run_operation("file", search_in({root()}, {{"names", {"f"}}}), wall_clock(),
                                  {.time = std::chrono::milliseconds(0), .stop = {}});
  EXPECT_EQ(late["success"], false);
  EXPECT_THAT(late["errors"][0].get<std::string>(), HasSubstr("time limit"));
  std::stop_source source;
  source.request_stop();
  const json stopped = run_operation("file", search_in({"/dev/zero", root()}, {{"contents", {"f"}}}), wall_clock(),
                                     {.stop = source.get_token()});
  EXPECT_EQ(stopped["success"], false);
}

TEST_F(FileModule, NamesThatAreNotUtf8LeaveAsReplacement) {
  write("bad\xFFname", "");
  EXPECT_EQ(found({{"names", {"^bad"}}}), Files({"bad\xEF\xBF\xBDname"}));
}

TEST_F(FileModule, WrongParametersAreRefused) {
  const auto with = [&](const char* name, const json& value) { return error_of(search_in({root()}, {{name, value}})); };
  EXPECT_EQ(with("names", {"["}), "error parsing regexp: missing closing ]: `[`");
  EXPECT_EQ(with("contents", {"!a(b"}), "error parsing regexp: missing closing ): `a(b`");
  EXPECT_EQ(with("modes", {"*"}), "error parsing regexp: missing argument to repetition operator: `*`");
  EXPECT_THAT(with("names", "passwd"), HasSubstr("cannot unmarshal string into field names of type []string"));
  EXPECT_THAT(with("names", {1}), HasSubstr("cannot unmarshal number"));
  for (const char* size : {"10k", ">", ">k", "<10x", "<10kk", ">-1", "<9999999999t"}) {
    EXPECT_THAT(with("sizes", {size}), HasSubstr("invalid size")) << size;
  }
  for (const char* time : {"90d", "<90", "<d", ">1w", "<1d1"}) {
    EXPECT_THAT(with("mtimes", {time}), HasSubstr("invalid mtime")) << time;
  }
  EXPECT_THAT(with("sha2", {"abcd"}), HasSubstr("invalid checksum"));
  EXPECT_THAT(with("md5", {std::string(32, 'g')}), HasSubstr("invalid checksum"));
  EXPECT_THAT(with("options", {{"matchall", "yes"}}), HasSubstr("cannot unmarshal string into field matchall"));
  EXPECT_THAT(with("options", {{"maxdepth", -1}}), HasSubstr("maxdepth"));
  EXPECT_THAT(error_of({{"searches", {{"bad label", {{"paths", {"/"}}}}}}}), HasSubstr("invalid search label"));
  EXPECT_THAT(error_of({{"searches", {{"s", nullptr}}}}), HasSubstr("at least one search path"));
  EXPECT_THAT(error_of({{"searches", {1}}}), HasSubstr("cannot unmarshal array into field searches"));
  EXPECT_THAT(error_of(json::array()), HasSubstr("cannot unmarshal array into field parameters"));
}

TEST_F(FileModule, MemberNamesIgnoreCase) {
  write("a", "");
  EXPECT_EQ(run("file", {{"Searches", {{"s", {{"Paths", {root()}}, {"NAMES", {"^a$"}}}}}}})["foundanything"], true);
}

}  // namespace
}  // namespace mig_sandbox::test
