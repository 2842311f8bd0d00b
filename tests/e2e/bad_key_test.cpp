// Each kind of key that cannot sign is said in one sentence at the start, with exit status 9.

#include <gmock/gmock.h>

#include <algorithm>

#include "e2e/world.h"
#include "sign/gpg_home.h"

namespace mig_runner::test {
namespace {

using testing::HasSubstr;

struct BadKeyWorld : World {
  void use(const std::filesystem::path& home, const std::string& fingerprint) {
    gpg_settings = "home = " + home.string() + "\nkeyid = " + fingerprint + "\n";
  }
  void expect_one_sentence(const std::string& text) {
    start_runner();
    EXPECT_EQ(runner->wait(), 9);
    EXPECT_THAT(log(), HasSubstr(text));
    EXPECT_EQ(std::ranges::count(log(), '\n'), 1) << log();
    std::filesystem::remove(path("runner.log"));
  }
};

TEST(BadKey, IsSaidInOneSentenceWithExit9) {
  BadKeyWorld world;
  const GpgHome gpg;
  const auto locked = gpg.make_key("rsa2048", "open-9931");
  const auto eddsa = gpg.make_key("ed25519");
  gpg.gpg("--faked-system-time 20200101T000000 --passphrase '' --quick-gen-key 'old <u@localhost>' rsa2048 sign 30d");
  const auto expired = gpg.fingerprints().back();
  const ScratchDirectory secring;
  gpg.export_secring(secring.path(), "open-9931");
  for (const auto& home : {gpg.path(), secring.path()}) {
    SCOPED_TRACE(home);
    world.client_settings = "passphrase = shut-1177\n";
    world.use(home, locked);
    world.expect_one_sentence("passphrase");
    world.client_settings = "";
    world.expect_one_sentence("passphrase");
    world.use(home, expired);
    world.expect_one_sentence("expired on 2020-01-31");
    world.use(home, eddsa);
    world.expect_one_sentence("EdDSA");
    world.use(home, std::string(40, 'A'));
    world.expect_one_sentence("there is no private key with the fingerprint " + std::string(40, 'A'));
  }
  world.use(world.path("nowhere"), locked);
  world.expect_one_sentence("there is no such directory");
}

}  // namespace
}  // namespace mig_runner::test
