#include <gmock/gmock.h>

#include <fstream>

#include "sign/gpg_process.h"
#include "sign/keys.h"

namespace mig_runner::sign {
namespace {

using namespace test;
using mig_runner::test::read_text;
using mig_runner::test::write_text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

// Puts a program in front of all others of its name, for as long as this lives.
class Program {
 public:
  Program(const std::string& name, const std::string& script) : path_(std::getenv("PATH")) {
    write_text(directory_.path() / name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(directory_.path() / name, std::filesystem::perms::owner_all);
    setenv("PATH", (directory_.path().string() + ":" + path_).c_str(), 1);
  }
  ~Program() { setenv("PATH", path_.c_str(), 1); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

 private:
  ScratchDirectory directory_;
  std::string path_;
};

constexpr const char* kBoth = "GnuPG 2 (private-keys-v1.d) and secring.gpg both have the key: that of GnuPG 2 is used";

TEST(GnuPg2, GoesBeforeAnOlderSecring) {
  const GpgHome gpg;
  const auto primary = gpg.make_key();
  const auto subkey = gpg.add_subkey(primary);
  gpg.export_secring(gpg.path());
  const auto before = load(gpg.path(), primary);
  ASSERT_TRUE(before) << key_error(before);
  EXPECT_EQ(issuer(signature_of(*before)), key_id(subkey));
  EXPECT_THAT(before->warnings(), ElementsAre(kBoth));
  gpg.revoke_subkey(primary);
  const auto after = load(gpg.path(), primary);
  ASSERT_TRUE(after) << key_error(after);
  EXPECT_EQ(issuer(signature_of(*after)), key_id(primary)) << "a revoked subkey signs";
}

TEST(GnuPg2, HasTheNewPassphrase) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "old");
  gpg.export_secring(gpg.path(), "old");
  gpg.set_passphrase(fingerprint, "old", "new");
  const auto key = load(gpg.path(), fingerprint, "new");
  EXPECT_TRUE(key) << key_error(key);
  EXPECT_EQ(key_error(load(gpg.path(), fingerprint, "old")), gpg.path().string() + ": wrong passphrase");
}

TEST(GnuPg2, DoesNotHideWhatOnlySecringHas) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const GpgHome other;
  const auto another = other.make_key();
  write_text(other.path() / "public", gpg.gpg("--export"));
  write_text(other.path() / ".gpg-v21-migrated", "");  // else gpg takes over what secring.gpg has
  for (const std::string state : {"nothing", "the public part"}) {
    if (state == "the public part") other.gpg("--import " + (other.path() / "public").string() + " 2>/dev/null");
    EXPECT_EQ(key_error(load(other.path(), fingerprint)), other.path().string() +
                                                              ": there is no private key with the fingerprint " +
                                                              fingerprint + "; there is " + another)
        << state;
    gpg.export_secring(other.path());
    const auto key = load(other.path(), fingerprint);
    ASSERT_TRUE(key) << state << key_error(key);
    EXPECT_THAT(key->warnings(), IsEmpty());
    std::filesystem::remove(other.path() / "secring.gpg");
  }
}

TEST(GnuPg2, SecretPartsThatLieElsewhereAreTold) {
  const GpgHome gpg;
  const auto primary = gpg.make_key();
  gpg.add_subkey(primary, "rsa2048", "", "encrypt");
  write_text(gpg.path() / "subkeys", gpg.gpg("--export-secret-subkeys"));
  const GpgHome other;
  other.gpg("--import " + (gpg.path() / "subkeys").string() + " 2>/dev/null");
  EXPECT_THAT(key_error(load(other.path(), primary)),
              HasSubstr("the key " + primary + " cannot sign; its own secret part is elsewhere"));
}

TEST(GnuPg2, WithoutGpgASecringIsUsedAndThatIsSaid) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  gpg.export_secring(gpg.path());
  const std::string path = std::getenv("PATH");
  setenv("PATH", gpg.path().c_str(), 1);
  const auto key = load(gpg.path(), fingerprint);
  setenv("PATH", path.c_str(), 1);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_THAT(key->warnings(), ElementsAre(HasSubstr("gpg is not installed")));
}

// As in a home below a read-only /etc, which an older GnuPG has left a folder for keys in.
TEST(GnuPg2, IsNotAskedWhereItHasNoSecretKey) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  std::filesystem::create_directory(home.path() / "private-keys-v1.d");
  const Program broken("gpg", "echo 'gpg: cannot lock' >&2; exit 2");
  const auto key = load(home.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_THAT(key->warnings(), IsEmpty());
}

// The primary key's passphrase is not even asked for.
TEST(GnuPg2, ASigningSubkeyMayHaveAPassphraseOfItsOwn) {
  const GpgHome gpg;
  const auto primary = gpg.make_key("rsa2048", "first");
  gpg.add_subkey(primary, "rsa2048", "first", "encrypt");
  const auto subkey = gpg.add_subkey(primary, "rsa2048", "first");
  const ScratchDirectory home;
  gpg.export_secring(home.path(), "first");
  const auto whole = read_text(home.path() / "secring.gpg");
  gpg.set_passphrase(subkey, "first", "second");
  // gpg exports with one passphrase at a time: the subkey, which is the last, comes from another export.
  gpg.export_secring(home.path(), "second", "--export-secret-subkeys " + subkey + "!");
  const auto part = read_text(home.path() / "secring.gpg");
  const std::string subkey_packet = whole.substr(whole.rfind("\x9d\x03\xc6"), 12);
  write_text(home.path() / "secring.gpg",
             whole.substr(0, whole.rfind(subkey_packet)) + part.substr(part.rfind(subkey_packet)));
  for (const auto& place : {gpg.path(), home.path()}) {
    const auto key = load(place, primary, "second");
    ASSERT_TRUE(key) << key_error(key);
    EXPECT_EQ(issuer(signature_of(*key)), key_id(subkey));
    expect_verifies(gpg, primary, signature_of(*key));
    EXPECT_EQ(key_error(load(place, primary, "first")),
              place.string() + ": wrong passphrase (signing subkey " + subkey + ")");
  }
}

// An option of gpg.conf could send the secret key to a file.
TEST(GnuPg2, NoOptionOfTheHomeCounts) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const ScratchDirectory scratch;
  const auto file = scratch.path() / "secret";
  std::ofstream(gpg.path() / "gpg.conf") << "output " << file.string() << "\narmor\nstatus-fd 1\nno-such-option\n";
  const auto key = load(gpg.path(), fingerprint);
  EXPECT_THAT(key_error(load(gpg.path(), std::string(40, 'A'))), HasSubstr(" (gpg.conf is not read)"));
  std::filesystem::remove(gpg.path() / "gpg.conf");
  EXPECT_TRUE(key) << key_error(key);
  EXPECT_FALSE(std::filesystem::exists(file));
}

// gpg does not say why the agent failed.
TEST(GnuPg2, SaysThatThePathIsTooLongForTheAgent) {
  const ScratchDirectory scratch;
  const auto home = scratch.path() / std::string(110, 'x');
  std::filesystem::create_directories(home / "private-keys-v1.d");
  const Program gpg("gpg",
                    "case \"$*\" in *--export*) echo key; exit;; esac\n"
                    "echo \"gpg: can't connect to the agent: General error\" >&2\n");
  EXPECT_EQ(key_error(load(home, std::string(40, 'A'))),
            home.string() + ": gpg does not give the private key out: can't connect to the agent: General error (the " +
                "directory's path has " + std::to_string(home.string().size()) +
                " bytes: with more than 95 the agent may find no room for its socket)");
}

TEST(GnuPg2, SaysThatTheAgentAllowsNoLoopback) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  gpg.end_agent();
  write_text(gpg.path() / "gpg-agent.conf", "no-allow-loopback-pinentry\n");
  const auto key = load(gpg.path(), fingerprint);
  EXPECT_THAT(key_error(key), HasSubstr("setting pinentry mode 'loopback' failed: Not supported"));
  EXPECT_THAT(key_error(key), HasSubstr("take no-allow-loopback-pinentry out of the gpg-agent.conf"));
}

// As in a home that cannot be written to.
TEST(GnuPg2, AllThatGpgSaysOfAFailureIsShown) {
  const ScratchDirectory home;
  std::filesystem::create_directory(home.path() / "private-keys-v1.d");
  const Program gpg("gpg",
                    "case \"$*\" in *--export*) echo key; exit;; esac\n"
                    "{ echo 'gpg: Note: trustdb not writable'\n"
                    "echo \"gpg: failed to create temporary file '.#lk': Permission denied\"\n"
                    "echo \"gpg: can't connect to the agent: Permission denied\"\n"
                    "echo 'gpg: error reading key: No agent running'; } >&2\n");
  EXPECT_EQ(key_error(load(home.path(), std::string(40, 'A'))),
            home.path().string() +
                ": gpg does not give the private key out: failed to create temporary file '.#lk': Permission denied; "
                "can't connect to the agent: Permission denied");
}

TEST(GnuPg2, AnAgentThatWasStartedForTheKeyEnds) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "open sesame");
  ASSERT_TRUE(gpg.has_agent());
  EXPECT_TRUE(load(gpg.path(), fingerprint, "open sesame"));
  EXPECT_TRUE(gpg.has_agent()) << "it was there before";
  gpg.end_agent();
  ASSERT_FALSE(gpg.has_agent());
  EXPECT_TRUE(load(gpg.path(), fingerprint, "open sesame"));
  EXPECT_FALSE(gpg.has_agent());
}

// Killed with its children, also where it has closed its outputs.
TEST(GpgProcess, OneThatHangsIsKilled) {
  const ScratchDirectory scratch;
  const auto child = scratch.path() / "child";
  for (const std::string before : {"", "exec >&- 2>&-; "}) {
    const Program hangs("gpg", before + "sleep 600 & echo $! > '" + child.string() + "'; wait\n");
    const auto output = run_gpg("gpg", scratch.path(), {}, {}, 300ms);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().text(), scratch.path().string() + ": gpg did not end within 300 ms and was killed");
    EXPECT_EQ(output.error().retry, Retry::later);
    const auto stat = "/proc/" + std::to_string(std::stoi(read_text(child))) + "/stat";
    const auto is_gone = [&] {
      std::ifstream file(stat);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      return text.empty() || text.find(" Z ") != std::string::npos;
    };
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!is_gone() && std::chrono::steady_clock::now() < end) continue;
    EXPECT_TRUE(is_gone());
  }
}

// As gpg's agent may.
TEST(GpgProcess, AChildThatKeepsTheOutputsOpenIsNotWaitedFor) {
  const ScratchDirectory scratch;
  const Program leaves("gpg", "setsid sleep 5 & echo said; echo why >&2\n");
  const auto output = run_gpg("gpg", scratch.path(), {}, {}, 4s);
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(output->out, "said\n");
  EXPECT_EQ(output->err, "why\n");
}

TEST(GpgProcess, LongOutputIsWhole) {
  const ScratchDirectory scratch;
  const Program writes("gpg", "head -c 300000 /dev/zero; head -c 100000 /dev/zero >&2; cat\n");
  const auto output = run_gpg("gpg", scratch.path(), {}, "input");
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(output->out.size(), 300'005U);
  EXPECT_EQ(output->err.size(), 100'000U);
}

}  // namespace
}  // namespace mig_runner::sign
