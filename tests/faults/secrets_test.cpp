// What is left of the passphrase and the key outside the memory that needs them.

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

const std::string kPassphrase = "a passphrase that stands nowhere else 4711";

// A keyring whose only key has the passphrase.
struct LockedWorld : World {
  LockedWorld() {
    const auto home = path("locked");
    std::filesystem::create_directories(home);
    std::filesystem::permissions(home, std::filesystem::perms::owner_all);
    run_command({"gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase",
                 kPassphrase, "--quick-generate-key", "locked@example.net", "rsa2048", "sign", "never"});
    const auto list = run_command({"gpg", "--homedir", home, "--batch", "--with-colons", "--list-keys"});
    const auto end = list.find(":\n", list.find("\nfpr:"));
    run_command({"gpg", "--homedir", home, "--batch", "--armor", "--output", path("locked.asc"), "--export"});
    run_command({"gpgconf", "--homedir", home, "--kill", "all"});
    gpg_settings = "home = " + home.string() + "\nkeyid = " + list.substr(end - 40, 40) + "\n";
    client_settings = "passphrase = " + kPassphrase + "\n";
    start_sandbox({"--public-key", path("locked.asc")});
  }
  ~LockedWorld() { run_command({"gpgconf", "--homedir", path("locked"), "--kill", "all"}); }
};

TEST(Secrets, ACommandThatHoldsTheKeyLeavesNoCoreFile) {
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  const rlimit any_size{before.rlim_max, before.rlim_max};
  setrlimit(RLIMIT_CORE, &any_size);  // inherited
  LockedWorld world;
  world.write_configuration();
  world.add_fault("hang");
  Process check(
      {std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", "-c", world.path("runner.cfg"), "check", "--online"},
      world.path("check.log"));
  EXPECT_TRUE(eventually([&] { return world.fault_hits() > 0; })) << check.output();
  check.signal(SIGQUIT);  // the sanitizers answer SIGSEGV themselves
  EXPECT_TRUE(check.wait().has_value());
  EXPECT_FALSE(check.dumped_core());
  setrlimit(RLIMIT_CORE, &before);
}

}  // namespace
}  // namespace mig_runner::test
