#include "sandbox/server/serve_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <thread>

#include "server/stand.h"
#include "server/test_client.h"

namespace mig_sandbox::test {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

int serve_arguments(std::vector<std::string> arguments) {
  CLI::App app;
  ServeCommand command(app);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return command.run();
}

Outcome serve(const std::vector<std::string>& arguments) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = serve_arguments(arguments);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(ServeCommand, SaysWhatIsWrongWithItsOptions) {
  const auto wrong = [](const std::vector<std::string>& arguments) {
    const auto outcome = serve(arguments);
    EXPECT_EQ(outcome.status, 1);
    return outcome.err;
  };
  EXPECT_THAT(wrong({"--listen", "127.0.0.1"}), HasSubstr("--listen is ADDRESS:PORT"));
  EXPECT_THAT(wrong({"--listen", "127.0.0.1:70000"}), HasSubstr("--listen is ADDRESS:PORT"));
  EXPECT_THAT(wrong({"--public-key", "/nonexistent.asc"}), HasSubstr("/nonexistent.asc: cannot be read"));
  EXPECT_THAT(wrong({"--token-duration", "ten"}), HasSubstr("--token-duration: "));
  EXPECT_THAT(wrong({"--tls-cert", "x"}), HasSubstr("--tls-cert and --tls-key go together"));
}

// Blocks the signals that stop the server, for all threads of the test, while it lives.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

TEST(ServeCommand, ServesUntilItIsTold) {
  const BlockedSignals blocked;
  const mig_runner::test::ScratchDirectory scratch;
  const auto port_file = scratch.path() / "port";
  mig_runner::test::write_text(scratch.path() / "key.asc", test_key().public_key);
  std::chrono::steady_clock::time_point told;
  int status = 0;
  std::thread operator_thread([&] {
    while (!std::filesystem::exists(port_file)) std::this_thread::yield();
    const int port = std::stoi(mig_runner::test::read_text(port_file));
    status = TestClient(static_cast<std::uint16_t>(port)).get("/api/v1/heartbeat").status;
    told = std::chrono::steady_clock::now();
    kill(getpid(), SIGTERM);
  });
  const auto outcome = serve({"--listen", "localhost:0", "--port-file", port_file.string(), "--public-key",
                              (scratch.path() / "key.asc").string(), "--agents", "5", "--no-local-agent"});
  const auto ended = std::chrono::steady_clock::now();
  operator_thread.join();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(status, 200);
  EXPECT_LT(ended - told, std::chrono::seconds(1));
  EXPECT_THAT(outcome.out, ::testing::MatchesRegex("listening on http://127.0.0.1:[0-9]+/api/v1/\n"));
}

}  // namespace
}  // namespace mig_sandbox::test
