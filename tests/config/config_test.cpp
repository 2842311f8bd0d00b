#include <gmock/gmock.h>

#include <cstdlib>

#include "config/checked.h"

namespace mig_runner::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> all;
  for (const auto& problem : problems) all.push_back(problem.text());
  return all;
}

TEST(JobConfig, TakesEverySetting) {
  const auto checked = parse_job_config(
      "[configuration]\nschedule = \"0 8 * * *\"\nplugin = save\nexpiry = 10m\nsendonly = yes\ntimezone = "
      "Europe/Berlin\n"
      "catchup = latest\nstartdeadline = 30m\noverlap = forbid\nsplay = 90s\nenabled = no\nretries = 3\n"
      "collect = completed\ncollectdeadline = 2h\npluginretries = 4\nplugintimeout = 1m\nkeepresults = 30, 720h\n",
      "entity.cfg", {});
  ASSERT_TRUE(checked.value.has_value()) << texts(checked.problems).front();
  const auto& config = *checked.value;
  EXPECT_EQ(config.schedule, "0 8 * * *");
  EXPECT_EQ(config.schedule_line, 2);
  EXPECT_EQ(config.schedule_column, 13);
  EXPECT_EQ(config.plugin, "save");
  EXPECT_EQ(config.expiry, 10min);
  EXPECT_TRUE(config.sendonly);
  const auto& settings = config.settings;
  EXPECT_EQ(settings.timezone, "Europe/Berlin");
  EXPECT_EQ(settings.catchup, CatchUp::latest);
  EXPECT_EQ(settings.startdeadline, 30min);
  EXPECT_EQ(settings.overlap, Overlap::forbid);
  EXPECT_EQ(settings.splay, 90s);
  EXPECT_FALSE(settings.enabled);
  EXPECT_EQ(settings.retries, 3);
  EXPECT_EQ(settings.collect, CollectWhen::completed);
  EXPECT_EQ(settings.collectdeadline, 2h);
  EXPECT_EQ(settings.pluginretries, 4);
  EXPECT_EQ(settings.plugintimeout, 1min);
  EXPECT_EQ(settings.keepresults_count, 30);
  EXPECT_EQ(settings.keepresults_age, 720h);
}

TEST(JobConfig, DefaultsComeFromTheRunner) {
  const auto runner = parse_runner_config("[runner]\ndirectory = /srv/r\ncatchup = latest\nsplay = 5m\n", "runner.cfg");
  ASSERT_TRUE(runner.value.has_value());
  const auto job =
      parse_job_config("[configuration]\nschedule = @daily\nsplay = 1m\n", "e", runner.value->job_defaults);
  ASSERT_TRUE(job.value.has_value());
  EXPECT_EQ(job.value->settings.catchup, CatchUp::latest);
  EXPECT_EQ(job.value->settings.splay, 1min);
}

TEST(JobConfig, SaysEverythingThatIsWrongInOrder) {
  const auto checked = parse_job_config(
      "[configuration]\nschedul = \"0 8 * * *\"\nexpiry = soon\ncatchup = maybe\n[configurtion]\nx = 1\nplugin = "
      "../sh\n",
      "entity.cfg", {});
  EXPECT_FALSE(checked.value.has_value());
  EXPECT_THAT(
      texts(checked.problems),
      testing::ElementsAre(HasSubstr("entity.cfg: there is no schedule"),
                           "entity.cfg:2:1: unknown setting \"schedul\" in [configuration]: did you mean \"schedule\"?",
                           HasSubstr("entity.cfg:3:10: expiry: \"soon\" is not a duration"),
                           "entity.cfg:4:11: catchup: \"maybe\" is none of skip, latest",
                           "entity.cfg:5:1: unknown section [configurtion]: did you mean [configuration]?"));
}

TEST(JobConfig, WarnsOfACommentThatCutsAValue) {
  const auto warnings = [](const std::string& settings) {
    const auto checked = parse_job_config("[configuration]\nschedule = @daily\n" + settings, "e", {});
    EXPECT_TRUE(checked.value.has_value()) << settings;
    return checked.problems.size();
  };
  EXPECT_EQ(warnings("plugin = save#2\n"), 1U);
  EXPECT_EQ(warnings("plugin = \"save\"2;x\n"), 1U);
  for (const auto* fine : {"plugin = save # 2\n", "plugin = \"save#2\"\n", "plugin = \"save\"# 2\n", "plugin = #x\n",
                           "plugin = save\n# 2\n", "sendonly # 2\n", "plugin = \"\";\n"})
    EXPECT_EQ(warnings(fine), 0U) << fine;
}

TEST(JobConfig, PluginsStayInTheirDirectory) {
  for (const char* plugin : {"../../bin/sh", "/bin/sh", "a/b", ".hidden", "..", "\"a\\nb\""})
    EXPECT_FALSE(parse_job_config(std::string("[configuration]\nschedule = @daily\nplugin = ") + plugin + "\n", "e", {})
                     .value.has_value())
        << plugin;
  EXPECT_TRUE(parse_job_config("[configuration]\nschedule = @daily\nplugin = a..b\n", "e", {}).value.has_value());
}

TEST(RunnerConfig, TakesEverySetting) {
  const auto checked = parse_runner_config(
      "[runner]\ndirectory = /srv/r\ncheckdirectory = 5\nmaxlaunchesperminute = 60\nmaxplugins = 2\ncompressresults = "
      "zstd\ntimezone = UTC\n"
      "[logging]\nmode = syslog\nlevel = debug\nhost = h\nport = 514\nprotocol = tcp\nfacility = local3\n"
      "[client]\nclientconfpath = /etc/migrc\npassphrasefile = /run/p\ndelayresults = 30s\nparallelfetches = "
      "8\npagesize = 500\n",
      "runner.cfg");
  ASSERT_TRUE(checked.value.has_value()) << texts(checked.problems).front();
  const auto& config = *checked.value;
  EXPECT_EQ(config.directory, "/srv/r");
  EXPECT_EQ(config.checkdirectory, 5s);
  EXPECT_EQ(config.maxlaunchesperminute, 60);
  EXPECT_EQ(config.maxplugins, 2);
  EXPECT_EQ(config.compressresults, Compression::zstd);
  EXPECT_EQ(config.job_defaults.timezone, "UTC");
  EXPECT_EQ(config.logging.mode, LoggingConfig::Mode::syslog);
  EXPECT_EQ(config.logging.level, 7);
  EXPECT_EQ(config.logging.port, 514);
  EXPECT_EQ(config.logging.protocol, "tcp");
  EXPECT_EQ(config.logging.facility, 19);
  EXPECT_EQ(config.clientconfpath, "/etc/migrc");
  EXPECT_EQ(config.passphrasefile, "/run/p");
  EXPECT_EQ(config.delayresults, 30s);
  EXPECT_EQ(config.parallelfetches, 8);
  EXPECT_EQ(config.pagesize, 500);
}

TEST(RunnerConfig, ANumberOfAnySizeIsOnlyOutOfRange) {
  for (const auto* number : {"9999999999999999", "-9999999999999999", "9223372036854775807", "0"})
    EXPECT_FALSE(parse_runner_config("[runner]\ndirectory = /x\ncheckdirectory = " + std::string(number), "f").value);
}

TEST(RunnerConfig, WhatBelongsTogetherIsAskedForTogether) {
  EXPECT_THAT(texts(parse_runner_config("[runner]\ndirectory = /r\n[logging]\nmode = file\n", "f").problems),
              testing::ElementsAre(HasSubstr("f:4:8: mode: mode file needs a file")));
  EXPECT_THAT(
      texts(parse_runner_config("[runner]\ndirectory = /r\n[logging]\nmode = syslog\nhost = h\n", "f").problems),
      testing::ElementsAre(HasSubstr("mode syslog also needs port, protocol")));
}

TEST(RunnerConfig, SecretsAreInNoMessage) {
  for (const char* text : {"[client]\npassphrase = \"hush\\q\"\n", "[client]\npassphrase = hush\nx = 1\n",
                           "[client]\npassphras = hush\n", "[client]\npassphrase hush\n"})
    for (const auto& problem : parse_runner_config(text, "f").problems)
      EXPECT_THAT(problem.text(), testing::Not(HasSubstr("hush"))) << text;
}

TEST(ClientConfig, ReadsWhatClientsShare) {
  const auto checked = parse_client_config(
      "[api]\nurl = https://mig.example.net/api/v1\nskipverifycert = on\n[gpg]\nhome = /keys\n"
      "keyid = e60892bb9bd89a69f759a1a0a3d652173b763e8f\nkeyserver = x\nuseapikeyauth = k\n"
      "[targets]\nmacro = all:status='online'\nmacro = all:status<>'offline'\n",
      "migrc");
  ASSERT_TRUE(checked.value.has_value()) << texts(checked.problems).front();
  EXPECT_EQ(checked.value->api_url, "https://mig.example.net/api/v1/");
  EXPECT_TRUE(checked.value->skipverifycert);
  EXPECT_EQ(checked.value->keyid, "E60892BB9BD89A69F759A1A0A3D652173B763E8F");
  EXPECT_EQ(checked.value->macros.at("all"), "status<>'offline'");
}

TEST(ClientConfig, HomesFollowTheEnvironment) {
  const std::string text = "[api]\nurl = http://x/\n[gpg]\nkeyid = E60892BB9BD89A69F759A1A0A3D652173B763E8F\n";
  setenv("HOME", "/home/somebody", 1);
  unsetenv("GNUPGHOME");
  EXPECT_EQ(parse_client_config(text, "f").value->gpg_home, "/home/somebody/.gnupg");
  EXPECT_EQ(client_config_path("default"), "/home/somebody/.migrc");
  EXPECT_EQ(client_config_path("/etc/x"), "/etc/x");
  setenv("GNUPGHOME", "/keys", 1);
  EXPECT_EQ(parse_client_config(text, "f").value->gpg_home, "/keys");
  unsetenv("GNUPGHOME");
}

TEST(ClientConfig, RefusesWhatCannotWork) {
  EXPECT_THAT(texts(parse_client_config("[api]\nurl = mig.example.net\n[gpg]\nkeyid = 1234\n", "f").problems),
              testing::ElementsAre(HasSubstr("f:2:7: url: it is not an address"),
                                   HasSubstr("f:4:9: keyid: it is not a fingerprint")));
}

TEST(Config, SurvivesAnything) {
  for (const std::string& text :
       {std::string("\0", 1), std::string("[a\0]", 4), std::string(2'000'000, 'x'),
        std::string("[configuration]\nplugin = \\"), std::string("[configuration]\nplugin = \"\\"), std::string("["),
        std::string("[a"), std::string("[a \""), std::string("\xff\xfe[a]\n")})
    EXPECT_FALSE(parse_job_config(text, "f", {}).value.has_value());
}

}  // namespace
}  // namespace mig_runner::config
