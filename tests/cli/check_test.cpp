#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file_access.h"
#include "cli/command_run.h"
#include "cli/test_tree.h"

namespace mig_runner::cli {
namespace {

using testing::HasSubstr;
using Lines = std::vector<std::string>;

// Keys are made by gpg with the system's clock: the commands look at them from a later day.
constexpr const char* kLater = "2040-01-02T12:00:00Z";

CommandRun check(const TestTree& tree, std::vector<std::string> arguments = {}, Terminal terminal = {}) {
  arguments.insert(arguments.begin(), {"check", "-c", tree.config()});
  auto run = run_command(std::move(arguments), terminal, kLater);
  run.out = tree.without_path(run.out);
  // The same in every test; SaysAsWhomItJudges looks at it.
  const auto judged = run.out.rfind("access judged as ");
  if (judged != std::string::npos) run.out.erase(judged, run.out.find('\n', judged) - judged + 1);
  return run;
}

Lines lines_of(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The problems, without the line of totals.
Lines problems(const TestTree& tree) {
  auto lines = lines_of(check(tree).out);
  lines.pop_back();
  return lines;
}

TEST(Check, HasNothingToSayAboutARightTree) {
  const TestTree tree;
  const auto run = check(tree);
  EXPECT_EQ(run.out, "1 job, no problems\n");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.status, kExitFine);
}

std::string action(const std::string& fields) {
  return R"({"target": "status='online'", "operations": [{"module": "file", "parameters": {}}])" + fields + "}\n";
}
std::string operation(const std::string& fields) {
  return R"({"target": "status='online'", "operations": [{)" + fields + "}]}\n";
}

// A tree with mistakes everywhere. Each is told, in one go, and nothing else.
TEST(Check, FindsEveryMistakeAtOnce) {
  const TestTree tree;
  Lines expected;
  const auto expect = [&](const std::string& line) { expected.push_back(line); };
  const auto hourly = std::string("schedule = \"0 * * * *\"\n");
  // A job with one mistake in its entity.cfg, and one with a mistake in its action.json.
  int number = 10;
  const auto entity = [&](const std::string& settings, const std::string& problem) {
    const auto name = "e" + std::to_string(number++);
    tree.job(name, settings);
    expect("TREE/runners/" + name + "/entity.cfg" + problem);
  };
  const auto spoilt_action = [&](const std::string& text, const std::string& problem) {
    const auto name = "e" + std::to_string(number++);
    tree.job(name, hourly, text);
    expect("TREE/runners/" + name + "/action.json" + problem);
  };

  tree.write("runner.cfg",
             tree.runner_cfg("checkdirectry = 5\n"
                             "maxplugins = 0\n"
                             "catchup = never\n"
                             "startdeadline = 1 hour\n"
                             "timezone = Europe/Berln\n",
                             "delayresults = soon\n"
                             "passphrase = \"correct horse\"\n"
                             "[logging]\nmode = stdot\nlevel = loud\nmode = file\nfile = /nonexistent/mig/runner.log\n"
                             "maxfilesize = 1G\n"
                             "[loging]\nmode = file\n"));
  tree.permit("runner.cfg", 0646);
  expect("TREE/runner.cfg:4:1: error: unknown setting \"checkdirectry\" in [runner]: did you mean \"checkdirectory\"?");
  expect("TREE/runner.cfg:5:14: error: maxplugins: 0 is out of range");
  expect("TREE/runner.cfg:6:11: error: catchup: \"never\" is none of skip, latest");
  expect("TREE/runner.cfg:7:17: error: startdeadline: ");
  expect("TREE/runner.cfg:12:16: error: delayresults: ");
  expect("TREE/runner.cfg:15:8: error: mode: \"stdot\" is none of stdout, stderr, file, syslog, journal");
  expect("TREE/runner.cfg:16:9: error: level: \"loud\" is none of emerg");
  expect("TREE/runner.cfg:19:15: error: maxfilesize: \"1G\" is not a whole number");
  expect("TREE/runner.cfg:20:1: error: unknown section [loging]: did you mean [logging]?");
  expect("TREE/runner.cfg: error: everybody may write to it");
  expect("TREE/runner.cfg: error: it holds the key's passphrase, and everybody may read it");
  expect("TREE/runner.cfg:8:12: error: \"Europe/Berln\" is not a known time zone; did you mean Europe/Berlin?");
  expect("TREE/runner.cfg: error: there is no directory /nonexistent/mig for logging.file");
  expect("TREE/runner.cfg: warning: client.passphrasefile is not read, since client.passphrase is set");

  tree.write("migrc", tree.client_cfg(
                          "url = \"http://mig.example.net/api/v1/\"\nskipverifycert = true\n"
                          "timeout = 5\n",
                          "useapikeyauth = s3cret\n[targets]\nmacro = everything\nmacro = \"web:tags->>'r'='web'\"\n"));
  tree.permit("migrc", 0644);
  expect("TREE/migrc:4:1: error: unknown setting \"timeout\" in [api]");
  expect("TREE/migrc:10:9: warning: macro: it is not name:expression and is passed over");
  expect("TREE/migrc: error: it holds an API key, and everybody may read it");
  expect("TREE/migrc: warning: api.url is not https");
  expect("TREE/migrc: warning: api.skipverifycert");

  entity("shedule = \"0 * * * *\"\n", ": error: there is no schedule");
  expect(
      "TREE/runners/e10/entity.cfg:2:1: error: unknown setting \"shedule\" in [configuration]: did you mean "
      "\"schedule\"?");
  entity("schedule = \"61 * * * *\"\n", ":2:13: error: minute: ");
  entity("schedule = \"* * * *\"\n", ":2:20: error: 4 of at least 5 fields");
  entity("schedule = \"0 0 31 2 *\"\n", ":2:");
  entity("schedule = \"5-1 * * * *\"\n", ":2:13: error: minute: \"5-1\" is a reversed range");
  entity("schedule = \"0 0 1 1 * 2020\"\n", ":2:13: error: its times are all past: it is never launched again");
  entity("schedule = \"*/5 * * * * * *\"\n", ":2:13: warning: it is launched every 5s at times");
  entity("schedule = CRON_TZ=Europe/Berlin 0 8 * * *\n",
         ":2:12: error: a schedule names no zone here: write timezone = Europe/Berlin on a line of its own");
  entity("schedule = TZ=UTC 0 8 * * *\n", ":2:12: error: a schedule names no zone here: write timezone = UTC");
  entity("schedule = 0 0 8 * * ?\n",
         ":2:12: warning: the last of six fields is the year, so that this is launched at 00:00 on the 8th; "
         "a schedule that begins with seconds has seven fields: \"0 0 8 * * ? *\"");
  entity("schedule = 0 8 * * MON#2\n",
         ":2:12: warning: schedule: the value ends where # or ; begins a comment: put it in double quotes if that "
         "belongs to it");
  entity("schedule = \"0 8 * * *\"# daily\nexpiry = 5m ; or ten\n", ": warning: none of these is told");
  expected.pop_back();
  entity(hourly + "expiry = 5 minutes\n", ":3:10: error: expiry: ");
  entity(hourly + "sendonly = maybe\n", ":3:12: error: sendonly: ");
  entity(hourly + "timezone = Mars/Olympus\n", ":3:12: error: \"Mars/Olympus\" is not a known time zone");
  entity(hourly + "overlap = forbd\n", ":3:11: error: overlap: \"forbd\" is none of allow, forbid");
  entity(hourly + "keepresults = many\n", ":3:15: error: keepresults: ");
  entity(hourly + "[configuration\n", ":3:");
  entity(hourly + "sendonly\nplugin = report\n",
         ": warning: with sendonly there are no results: its plugin is never run");
  entity(hourly + "plugin = ../report\n", ":3:10: error: plugin: a plugin is a file name in plugins/");
  entity(hourly + "plugin = raport\n", ": error: there is no plugin TREE/plugins/raport; did you mean \"report\"?");
  tree.job("p1", hourly + "plugin = not-executable\n");
  tree.write("plugins/not-executable", "#!/bin/sh\n");
  expect("TREE/plugins/not-executable: error: the plugin cannot be run: chmod +x");
  tree.job("p2", hourly + "plugin = no-interpreter\n");
  tree.plugin("no-interpreter", "#!/usr/bin/pyhton3\n");
  expect("TREE/plugins/no-interpreter:1:3: error: its interpreter /usr/bin/pyhton3 cannot be run");
  tree.job("p3", hourly + "plugin = dos\n");
  tree.plugin("dos", "#!/bin/sh\r\n");
  expect(
      "TREE/plugins/dos:1:3: error: the line ends in a carriage return, which becomes part of the interpreter's name"
      ": save the file with the line ends of Unix");
  tree.job("p6", hourly + "plugin = dos-argument\n");
  tree.plugin("dos-argument", "#!/usr/bin/env sh\r\n");
  expect(
      "TREE/plugins/dos-argument:1:3: warning: the line ends in a carriage return, which becomes part of the "
      "interpreter's argument");
  tree.job("p7", hourly + "plugin = no-interpreter-line\n");
  tree.plugin("no-interpreter-line", "cat > /dev/null\n");
  expect("TREE/plugins/no-interpreter-line:1:1: warning: it begins neither with #! nor as a program does");
  tree.job("p8", hourly + "plugin = empty\n");
  tree.plugin("empty", "");
  expect("TREE/plugins/empty:1:1: warning: it begins neither with #! nor as a program does");
  tree.job("p9", hourly + "plugin = program\n");
  std::filesystem::copy("/bin/true", tree.path("plugins/program"));
  tree.job("p10", hourly + "plugin = link-to-itself\n");
  std::filesystem::create_symlink("link-to-itself", tree.path("plugins/link-to-itself"));
  expect("TREE/plugins/link-to-itself: error: it cannot be looked at: Too many levels of symbolic links");
  tree.job("p4", hourly + "plugin = directory\n");
  tree.write("plugins/directory/file", "");
  expect("TREE/plugins/directory: error: a plugin has to be a file that can be run");
  tree.job("p5", hourly + "plugin = open\n");
  tree.plugin("open", "#!/bin/sh\n");
  tree.permit("plugins/open", 0757);
  expect("TREE/plugins/open: error: everybody may write to it");

  spoilt_action("{\"target\": }\n", ":1:12: error: ");
  spoilt_action("[]\n", ":1:1: error: ");
  spoilt_action(R"({"target": 5})", ":1:12: error: target has to be text");
  spoilt_action(action(R"(, "taregt": "x")"),
                ":1:85: warning: unknown field \"taregt\" of an action is ignored: did you mean \"target\"?");
  spoilt_action(action(R"(, "threat": {"levle": "high"})"),
                ":1:96: warning: unknown field \"levle\" of a threat is ignored: did you mean \"level\"?");
  spoilt_action(action(R"(, "Target": "true")"), ":1:85: warning: \"target\" stands here a second time");
  spoilt_action(operation(R"("module": "file", "paramters": {})"),
                ":1:65: warning: unknown field \"paramters\" of an operation is ignored: did you mean \"parameters\"?");
  expect("TREE/runners/e" + std::to_string(number - 1) + "/action.json:1:46: warning: the operation has no parameters");
  spoilt_action(operation(R"("parameters": {})"), ":1:46: error: the operation has no module");
  spoilt_action(operation(R"("module": "", "parameters": {})"), ":1:57: error: the operation has no module");
  spoilt_action(operation(R"("module": "netsat", "parameters": {})"),
                ":1:57: warning: \"netsat\" is no module that comes with MIG: did you mean \"netstat\"?");
  spoilt_action(operation(R"("module": "file", "parameters": {}, "is_compressed": true)"),
                ":1:79: error: is_compressed says");
  spoilt_action(operation(R"("module": "file", "parameters": 1e400)"), ":1:79: error: ");
  spoilt_action(R"({"target": "true"})", ":1:1: error: there are no operations");
  spoilt_action(R"({"target": "true", "operations": []})", ":1:34: error: there are no operations");
  spoilt_action(R"({"operations": [{"module": "ping", "parameters": {}}]})", ":1:1: error: the target is empty");
  spoilt_action(R"({"target": " ", "operations": [{"module": "ping", "parameters": {}}]})",
                ":1:12: error: the target is empty");
  spoilt_action(R"({"target": "wbe", "operations": [{"module": "ping", "parameters": {}}]})",
                ":1:12: error: the target is neither a condition nor the name of a macro of the client configuration: "
                "did you mean \"web\"?");
  spoilt_action(R"({"target": "name LIKE 'a", "operations": [{"module": "ping", "parameters": {}}]})",
                ":1:12: error: a quote (') of the target is not closed");
  spoilt_action(R"({"target": "(id=1) OR (id=2", "operations": [{"module": "ping", "parameters": {}}]})",
                ":1:12: error: the brackets of the target do not match");
  spoilt_action(
      R"({"target": "name=')" + std::string(3000, 'x') + R"('", "operations": [{"module": "ping", "parameters": {}}]})",
      ": error: the target has 3007 bytes");

  tree.write("runners/f1/entity.cfg", "[configuration]\n" + hourly);
  expect("TREE/runners/f1/action.json: error: it cannot be read");
  tree.write("runners/f2/entity.conf", "[configuration]\n" + hourly);
  tree.write("runners/f2/action.json", kRightAction);
  expect("TREE/runners/f2/entity.cfg: error: it cannot be read");
  expect("TREE/runners/f2/entity.conf: warning: it is not read: its name has to be entity.cfg");
  tree.write("runners/f3/notes", "");
  expect("TREE/runners/f3: warning: there is no job in it");
  tree.job("f4", hourly);
  tree.permit("runners/f4/action.json", 0666);
  tree.permit("runners/f4/entity.cfg", 0666);
  tree.permit("runners/f4", 0777);
  expect("TREE/runners/f4: error: everybody may write to it");
  expect("TREE/runners/f4/action.json: error: everybody may write to it");
  expect("TREE/runners/f4/entity.cfg: error: everybody may write to it");
  tree.job("f5\x1b", hourly);
  expect("TREE/runners/f5\\x1b: error: a job's name cannot hold control characters");
  tree.write("runners/f6/results/20391231/1.json", "{}");  // left behind by a removed job: no mistake

  ASSERT_GE(expected.size(), 40U);
  const auto found = problems(tree);
  for (const auto& line : expected)
    EXPECT_EQ(std::count_if(found.begin(), found.end(), [&](const auto& each) { return each.starts_with(line); }), 1)
        << line;
  for (const auto& line : found)
    EXPECT_TRUE(std::any_of(expected.begin(), expected.end(), [&](const auto& each) { return line.starts_with(each); }))
        << "not expected: " << line;
  EXPECT_EQ(check(tree).status, kExitProblem);
}

TEST(Check, WarnsOfADatabaseServerThatIsNotVerified) {
  const TestTree tree;
  const auto told = [&](const std::string& uri) {
    tree.write("runner.cfg", tree.runner_cfg("store = \"" + uri + "\"\n"));
    return check(tree).out;
  };
  const auto warning =
      HasSubstr("TREE/runner.cfg: warning: runner.store: the connection to db.example.net is made with");
  EXPECT_THAT(told("postgresql://runner@db.example.net/mig"), warning);
  EXPECT_THAT(told("postgresql://runner@db.example.net/mig?sslmode=require"), warning);
  EXPECT_THAT(told("postgresql://runner@localhost,db.example.net/mig?sslmode=verify-ca"), warning);
  for (const std::string safe :
       {"postgresql://runner@db.example.net/mig?sslmode=verify-full", "postgresql://runner@localhost/mig",
        "postgresql://runner@127.0.0.1/mig", "postgresql://runner@[::1]/mig", "postgresql:///mig?host=/run/postgresql"})
    EXPECT_EQ(told(safe), "1 job, no problems\n");
}

TEST(Check, TellsOnceOfAPluginThatManyJobsShare) {
  const TestTree tree;
  for (int i = 0; i < 8; ++i) tree.job("job-" + std::to_string(i), "schedule = \"0 9 * * *\"\nplugin = report\n");
  tree.permit("plugins/report", 0777);
  EXPECT_THAT(
      problems(tree),
      testing::ElementsAre("TREE/plugins/report: error: everybody may write to it, and so decide what is executed "
                           "as the runner's user: chmod o-w (jobs job-0, job-1, job-2, job-3, job-4 and 4 more)"));
}

TEST(Check, TellsOfWhatOthersMayWriteOrRead) {
  const TestTree tree;
  const auto only = [&](const std::string& line) {
    EXPECT_THAT(problems(tree), testing::ElementsAre(testing::StartsWith(line)));
  };
  tree.permit("plugins/report", 0775);
  only("TREE/plugins/report: warning: the group ");
  tree.permit("plugins/report", 0755);
  tree.write("state/runs.db", "");
  tree.permit("state", 0777);
  only("TREE/state: error: everybody may write to it");
  tree.permit("state", 0700);
  tree.permit("runner.cfg", 0664);
  only("TREE/runner.cfg: warning: the group ");
  tree.permit("runner.cfg", 0644);
  tree.write("elsewhere/plugin", "#!/bin/sh\n");
  tree.permit("elsewhere/plugin", 0755);
  tree.permit("elsewhere", 0777);
  std::filesystem::create_symlink(tree.path("elsewhere/plugin"), tree.path("plugins/link"));
  tree.job("patchlevel", "schedule = \"0 9 * * *\"\nplugin = link\n");
  only("TREE/elsewhere: error: everybody may write to it, and so decide what is executed");
  tree.permit("elsewhere", 0755);
  for (const auto* name : {"runners", "state"}) {
    tree.permit(name, 0777);
    only("TREE/" + std::string(name) + ": error: everybody may write to it, and so decide what is ");
    tree.permit(name, 0755);
  }
  tree.permit("state", 01777);  // others could make runs.db-journal
  only("TREE/state: error: everybody may write to it");
  tree.permit("state", 0700);
  // Jobs and plugins are judged by their owners there.
  for (const auto* name : {"", "runners", "plugins"}) tree.permit(name, 01777);
  EXPECT_EQ(problems(tree), Lines());
  for (const auto* name : {"", "runners", "plugins"}) tree.permit(name, 0755);
  const auto secring = test_key().home / "secring.gpg";
  const auto right = std::filesystem::status(secring).permissions();
  std::filesystem::permissions(secring, std::filesystem::perms(0666));
  const auto found = problems(tree);
  std::filesystem::permissions(secring, right);
  EXPECT_THAT(found, testing::Contains(
                         HasSubstr("secring.gpg: error: everybody may write to it, and so decide which key signs")));
  EXPECT_EQ(check(tree).out, "1 job, no problems\n");
}

TEST(Check, SaysAsWhomItJudges) {
  const TestTree tree;
  const auto me = user_text(geteuid());
  EXPECT_THAT(run_command({"check", "-c", tree.config()}, {}, kLater).out,
              testing::EndsWith("1 job, no problems\naccess judged as " + me + "\n"));
  EXPECT_EQ(nlohmann::json::parse(check(tree, {"--json"}).out).at("judged_as"), me);
}

// An error is not an absence: the runner would not find them missing and make them either.
TEST(Check, TellsOfPlacesThatCannotBeLookedAt) {
  const TestTree tree;
  tree.write("runner.cfg",
             tree.runner_cfg("", "[logging]\nmode = file\nfile = \"" + tree.path("log").string() + "\"\n"));
  std::filesystem::create_symlink("log", tree.path("log"));
  std::filesystem::create_symlink("state", tree.path("state"));
  const auto cannot =
      ": error: the user " + user_text(geteuid()) + " cannot write to it, and so the runner cannot start";
  EXPECT_THAT(problems(tree), testing::ElementsAre(testing::StartsWith("TREE/state" + cannot),
                                                   testing::StartsWith("TREE/log" + cannot)));
}

TEST(Check, AResultsDirectoryIsNoSymlink) {
  const TestTree tree;
  std::filesystem::create_directory_symlink("/tmp", tree.path("runners/patchlevel/results"));
  EXPECT_THAT(problems(tree),
              testing::ElementsAre("TREE/runners/patchlevel/results: error: it is a symlink, which the runner does not "
                                   "follow: results cannot be stored"));
}

// What cannot be wrong together with the rest: one mistake each in a tree that is right otherwise.
TEST(Check, FindsWhatHidesTheRest) {
  const auto only = [](const TestTree& tree, const std::string& line) {
    const auto found = problems(tree);
    ASSERT_EQ(found.size(), 1U) << check(tree).out;
    EXPECT_THAT(found.front(), testing::StartsWith(line));
  };
  TestTree tree;
  tree.write("passphrase", "wrong");
  only(tree, "TREE/migrc: error: the key cannot be used: ");
  std::filesystem::remove(tree.path("passphrase"));
  only(tree, "TREE/passphrase: error: the passphrase cannot be read");
  tree.write("passphrase", "correct horse");
  tree.permit("passphrase", 0604);
  only(tree, "TREE/passphrase: error: it holds the key's passphrase, and everybody may read it");
  tree.restrict("passphrase");

  tree.write("migrc", "[api]\nurl = \"https://mig.example.net/\"\n[gpg]\nhome = /nonexistent\nkeyid = " +
                          test_key().fingerprint);
  only(tree, "TREE/migrc: error: the key cannot be used: ");
  tree.write("migrc", "[api]\nurl = \"https://mig.example.net/\"\n[gpg]\nkeyid = 1234\n");
  only(tree, "TREE/migrc:4:9: error: keyid: it is not a fingerprint");
  tree.write("migrc", tree.client_cfg("url = mig.example.net\n"));
  only(tree, "TREE/migrc:2:7: error: url: it is not an address");
  tree.write("migrc", tree.client_cfg(""));
  only(tree, "TREE/migrc: error: there is no address");
  tree.write("migrc", tree.client_cfg() + "\"");
  only(tree, "TREE/migrc:6:");
  std::filesystem::remove(tree.path("migrc"));
  only(tree,
       "TREE/migrc: error: it cannot be read: No such file or directory (client.clientconfpath in TREE/runner.cfg");
  tree.write("migrc", tree.client_cfg());

  tree.permit("plugins", 0777);
  only(tree, "TREE/plugins: error: everybody may write to it");
  tree.permit("plugins", 0755);
  std::filesystem::rename(tree.path("runners"), tree.path("runers"));
  only(tree, "TREE/runners: error: there is no such directory");
  std::filesystem::rename(tree.path("runers"), tree.path("runners"));
  tree.write("runner.cfg", tree.runner_cfg("directory = /nonexistent/tree\n"));
  only(tree, "/nonexistent/tree: error: there is no such directory (runner.directory in TREE/runner.cfg)");
  tree.write("runner.cfg", tree.runner_cfg("[logging]\nmode = syslog\n"));
  only(tree, "TREE/runner.cfg:5:8: error: mode: mode syslog also needs host, port, protocol");
  std::filesystem::remove(tree.path("runner.cfg"));
  only(tree, "TREE/runner.cfg: error: it cannot be read");
}

TEST(Check, WarnsOfCopiesThatAreLaunchedToo) {
  const TestTree tree;
  for (const char* name : {"patchlevel~", "patchlevel.bak", "#patchlevel#", "patchlevel.dpkg-old"})
    tree.job(name, "schedule = \"0 9 * * *\"\n");
  tree.job("patchlevel.orig", "schedule = \"0 9 * * *\"\nenabled = false\n");
  for (const char* name : {".git", ".snapshot", "..2024_01_01", "lost+found"}) tree.job(name, "schedule = x\n");
  tree.write("runners/empty.bak/results/20391231/1.json", "{}");
  const auto found = problems(tree);
  EXPECT_EQ(found.size(), 4U) << check(tree).out;
  EXPECT_THAT(found, testing::Contains("TREE/runners/patchlevel.bak: warning: it looks like a copy of the job "
                                       "\"patchlevel\", and is launched as a job of its own: move it out of runners/, "
                                       "or begin its name with a dot"));
}

TEST(Check, AnErrorIsNoAbsence) {
  const TestTree tree;
  std::filesystem::create_symlink("loop", tree.path("runners/loop"));
  EXPECT_EQ(check(tree).out,
            "TREE/runners/loop: error: the directory cannot be read: Too many levels of symbolic links\n"
            "1 error in the configuration and 2 jobs\n");
  std::filesystem::remove_all(tree.path("runners"));
  std::filesystem::create_symlink("runners", tree.path("runners"));
  EXPECT_THAT(check(tree).out, HasSubstr("TREE/runners: error: it cannot be looked at: Too many levels"));
  for (const char* command : {"list", "next", "status"}) {
    const auto run = run_command({command, "-c", tree.config()});
    EXPECT_THAT(run.err, HasSubstr("Too many levels of symbolic links")) << command;
    EXPECT_NE(run.status, kExitFine) << command;
  }
}

TEST(Check, ALargeActionIsToldWithItsLimits) {
  const TestTree tree;
  const auto sized = [](std::size_t size) {
    return R"({"target": "true", "operations": [{"module": "file", "parameters": ")" + std::string(size, 'x') +
           R"("}]})";
  };
  tree.job("fits", "schedule = \"0 9 * * *\"\n", sized(10'000'000));
  tree.job("large", "schedule = \"0 9 * * *\"\n", sized(16 * 1024 * 1024));
  tree.job("posted", "schedule = \"0 9 * * *\"\n", sized(11 * 1024 * 1024));
  const auto found = problems(tree);
  ASSERT_EQ(found.size(), 2U) << check(tree).out.substr(0, 1000);
  EXPECT_EQ(found[0],
            "TREE/runners/large/action.json: error: action.json is larger than 16 MiB (16777216 bytes), the limit for "
            "an action");
  EXPECT_THAT(found[1], testing::StartsWith("TREE/runners/posted/action.json: error: as it is posted the action has "));
  EXPECT_THAT(found[1], HasSubstr("and the API takes at most 10 MiB (10485760 bytes)"));
}

TEST(Check, TakesTheNamesOfJobs) {
  const TestTree tree;
  tree.job("broken", "schedule = x\n");
  EXPECT_EQ(check(tree, {"patchlevel"}).out, "1 job, no problems\n");
  const auto broken = check(tree, {"broken"});
  EXPECT_THAT(broken.out, HasSubstr("1 error in the configuration and 1 job\n"));
  EXPECT_EQ(broken.status, kExitProblem);
  EXPECT_EQ(check(tree, {"patchlvel"}).out,
            "TREE/runners: error: there is no job \"patchlvel\"; did you mean \"patchlevel\"?\n"
            "1 error in the configuration and 0 jobs\n");
}

TEST(Check, WarningsCountWhereTheyAreAskedToCount) {
  const TestTree tree;
  tree.job("often", "schedule = \"* * * * * * *\"\n");
  const auto run = check(tree);
  EXPECT_EQ(run.out,
            "TREE/runners/often/entity.cfg:2:13: warning: it is launched every 1s at times, which is more often than "
            "agents ask for work\n1 warning in the configuration and 2 jobs\n");
  EXPECT_EQ(run.status, kExitFine);
  EXPECT_EQ(check(tree, {"--strict"}).status, kExitProblem);
}

TEST(Check, PrintsJson) {
  const TestTree tree;
  tree.job("broken", "schedule = \"61 * * * *\"\n");
  const auto run = check(tree, {"--json"});
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json.at("jobs"), 2);
  EXPECT_EQ(json.at("errors"), 1);
  EXPECT_EQ(json.at("warnings"), 0);
  const auto& problem = json.at("problems").at(0);
  EXPECT_EQ(problem.at("file"), "TREE/runners/broken/entity.cfg");
  EXPECT_EQ(problem.at("line"), 2);
  EXPECT_EQ(problem.at("column"), 13);
  EXPECT_EQ(problem.at("severity"), "error");
  EXPECT_EQ(problem.at("job"), "broken");
  EXPECT_EQ(run.status, kExitProblem);
}

TEST(Check, ColoursOnATerminal) {
  const TestTree tree;
  tree.job("often", "schedule = \"* * * * * * *\"\n");
  EXPECT_THAT(check(tree, {}, {true, 80}).out, HasSubstr(":2:13: \x1b[33mwarning\x1b[0m: it is launched"));
}

}  // namespace
}  // namespace mig_runner::cli
