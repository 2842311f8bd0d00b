// The traces of the passphrase and the key outside the memory that needs them.

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "e2e/locked_world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

const std::string kPassphrase = "a passphrase that stands nowhere else 4711";

struct SecretWorld : LockedWorld {
  SecretWorld() : LockedWorld(kPassphrase) { client_settings = "passphrase = " + kPassphrase + "\n"; }
};

// How often `text` stands in the memory that a process may write to.
int count_in_memory(pid_t process, const std::string& text) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  std::ifstream memory("/proc/" + std::to_string(process) + "/mem", std::ios::binary);
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char permissions[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, permissions) != 3 || permissions[1] != 'w') continue;
    std::string bytes(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(memory.gcount()));
    for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) ++found;
  }
  return found;
}

TEST(Secrets, ThePassphraseStandsInOnePlaceOfMemory) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can look into another process";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers have memory of their own";
#endif
  SecretWorld world;
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
  std::ifstream memory("/proc/" + std::to_string(world.runner->id()) + "/mem", std::ios::binary);
  if (!memory) GTEST_SKIP() << "the memory of another process cannot be read here";
  EXPECT_EQ(count_in_memory(world.runner->id(), kPassphrase), 1);
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Secrets, ACommandThatHoldsTheKeyLeavesNoCoreFile) {
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  const rlimit any_size{before.rlim_max, before.rlim_max};
  setrlimit(RLIMIT_CORE, &any_size);  // inherited
  SecretWorld world;
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
