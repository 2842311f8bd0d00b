// The runner in its surroundings: log destinations, authentication, certificates, passphrases.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "e2e/locked_world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct BoundSocket {
  UniqueFd fd;
  int port = 0;
};

BoundSocket bind_loopback(int type) {
  BoundSocket bound{UniqueFd(socket(AF_INET, type | SOCK_CLOEXEC, 0)), 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(bound.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  getsockname(bound.fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  bound.port = ntohs(address.sin_port);
  timeval timeout{10, 0};
  setsockopt(bound.fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return bound;
}

std::string receive(int fd) {
  std::string text(65536, '\0');
  const auto size = recv(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

TEST(LogModes, SyslogOverUdp) {
  const auto server = bind_loopback(SOCK_DGRAM);
  World world;
  world.start_sandbox();
  world.logging_settings = "mode = syslog\nlevel = info\nhost = 127.0.0.1\nport = " + std::to_string(server.port) +
                           "\nprotocol = udp\nfacility = local3\n";
  world.start_runner();
  const auto message = receive(server.fd.get());
  EXPECT_THAT(message, testing::StartsWith("<157>1 "));  // local3 = 19, notice = 5
  EXPECT_THAT(message, HasSubstr("mig-runner"));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(LogModes, SyslogOverTcp) {
  const auto server = bind_loopback(SOCK_STREAM);
  listen(server.fd.get(), 4);
  World world;
  world.start_sandbox();
  world.logging_settings =
      "mode = syslog\nlevel = info\nhost = 127.0.0.1\nport = " + std::to_string(server.port) + "\nprotocol = tcp\n";
  world.start_runner();
  const UniqueFd connection(accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(connection);
  const auto message = receive(connection.get());
  EXPECT_THAT(message, testing::ContainsRegex("^[0-9]+ <29>1 "));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(LogModes, FileRotates) {
  World world;
  world.start_sandbox();
  world.logging_settings =
      "mode = file\nlevel = debug\nmaxfilesize = 1000\nfile = " + world.path("log").string() + "\n";
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(world.path("log.1")); })) << world.file("log");
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_LE(std::filesystem::file_size(world.path("log")), 1000U);
  EXPECT_LE(std::filesystem::file_size(world.path("log.1")), 1000U);
}

TEST(LogModes, StandardErrorAndStandardOutput) {
  for (const char* mode : {"stdout", "stderr"}) {
    World world;
    world.start_sandbox();
    world.logging_settings = std::string("mode = ") + mode + "\n";
    world.start_runner();
    EXPECT_TRUE(eventually([&] { return world.log_has("Following 0 jobs"); })) << world.log();
    EXPECT_EQ(world.stop_runner(), 0);
  }
}

TEST(LogModes, AJournalThatIsNotThereIsSaid) {
  if (std::filesystem::exists("/run/systemd/journal/socket")) GTEST_SKIP() << "this machine has a journal";
  World world;
  world.start_sandbox();
  world.logging_settings = "mode = journal\n";
  world.start_runner();
  EXPECT_EQ(world.runner->wait(), 9);
  EXPECT_THAT(world.log(), HasSubstr("journal"));
}

TEST(Authentication, ApiKey) {
  World world;
  world.start_sandbox({"--api-key", "sesame-7261"});
  world.gpg_settings = "useapikeyauth = sesame-7261\n";
  world.job("keyed", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return !world.results("keyed").empty(); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_FALSE(world.log_has("sesame-7261"));
}

TEST(Authentication, AWrongApiKeyIsSaidAndNotLogged) {
  World world;
  world.start_sandbox({"--api-key", "sesame-7261"});
  world.gpg_settings = "useapikeyauth = wrong-1234\n";
  world.job("keyed", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.log_has("API key authentication failed"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_FALSE(world.log_has("wrong-1234"));
}

// A certificate for localhost, signed by itself.
struct Certificate {
  explicit Certificate(const World& world, const std::string& host = "localhost")
      : certificate(world.path(host + ".crt")), key(world.path(host + ".key")) {
    run_command({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + host,
                 "-addext", "subjectAltName=DNS:" + host, "-keyout", key, "-out", certificate});
  }
  std::vector<std::string> arguments() const { return {"--tls-cert", certificate, "--tls-key", key}; }
  std::filesystem::path certificate, key;
};

struct TlsWorld : World {
  explicit TlsWorld(const std::string& host = "localhost") : certificate(*this, host) {
    scheme = "https";
    start_sandbox(certificate.arguments());
    job("secure", "schedule = \"* * * * * * *\"\nexpiry = 1s\n");
  }
  Certificate certificate;
};

TEST(Https, AKnownCertificateWorks) {
  TlsWorld world;
  world.start_runner(
      {{"CURL_CA_BUNDLE", world.certificate.certificate}, {"SSL_CERT_FILE", world.certificate.certificate}});
  EXPECT_TRUE(eventually([&] { return !world.results("secure").empty(); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Https, ASelfSignedCertificateIsRefused) {
  TlsWorld world;
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.log_has("skipverifycert"); })) << world.log();
  EXPECT_EQ(world.posts().size(), 0U);
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Https, SkipverifycertTakesASelfSignedCertificate) {
  TlsWorld world;
  world.api_settings = "skipverifycert = true\n";
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return !world.results("secure").empty(); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Https, ACertificateOfAnotherHostIsRefused) {
  TlsWorld world("elsewhere.example.net");
  world.start_runner({{"SSL_CERT_FILE", world.certificate.certificate}});
  EXPECT_TRUE(eventually([&] { return world.log_has("certificate"); })) << world.log();
  EXPECT_EQ(world.posts().size(), 0U);
  EXPECT_EQ(world.stop_runner(), 0);
}

struct LockedJobWorld : LockedWorld {
  LockedJobWorld() : LockedWorld("open-9931") { job("locked", "schedule = \"* * * * * * *\"\nexpiry = 1s\n"); }
  void expect_work(const std::map<std::string, std::string>& environment = {}) {
    start_runner(environment);
    EXPECT_TRUE(eventually([&] { return !results("locked").empty(); })) << log();
    EXPECT_EQ(stop_runner(), 0);
    EXPECT_FALSE(log_has("open-9931"));
  }
};

// Fault 10 of the original: the passphrase could only stand in runner.cfg.
TEST(Passphrase, Fault10FromEverySource) {
  LockedJobWorld world;
  world.client_settings = "passphrase = open-9931\n";
  world.expect_work();
  std::filesystem::remove_all(world.path("tree/runners/locked/results"));
  write_text(world.path("phrase"), "open-9931\n");
  world.client_settings = "passphrasefile = " + world.path("phrase").string() + "\n";
  world.expect_work();
  std::filesystem::remove_all(world.path("tree/runners/locked/results"));
  world.client_settings = "";
  world.expect_work({{"MIGPGPPASSPHRASE", "open-9931"}});
  std::filesystem::remove_all(world.path("tree/runners/locked/results"));
  write_text(world.path("credentials/passphrase"), "open-9931");
  world.expect_work({{"CREDENTIALS_DIRECTORY", world.path("credentials")}});
}

TEST(Passphrase, IsInNoCoreFile) {
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  const rlimit any_size{before.rlim_max, before.rlim_max};
  setrlimit(RLIMIT_CORE, &any_size);  // inherited
  LockedJobWorld world;
  world.client_settings = "passphrase = open-9931\n";
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
  world.runner->signal(SIGQUIT);  // the sanitizers answer SIGSEGV themselves
  EXPECT_TRUE(world.runner->wait().has_value());
  EXPECT_FALSE(world.runner->dumped_core());
  setrlimit(RLIMIT_CORE, &before);
}

TEST(Passphrase, WrongOrMissingIsOneSentenceWithExit9) {
  LockedJobWorld world;
  world.client_settings = "passphrase = shut-1177\n";
  world.start_runner();
  EXPECT_EQ(world.runner->wait(), 9);
  EXPECT_THAT(world.log(), HasSubstr("passphrase"));
  EXPECT_FALSE(world.log_has("shut-1177"));
  world.client_settings = "";
  world.start_runner();
  EXPECT_EQ(world.runner->wait(), 9);
}

}  // namespace
}  // namespace mig_runner::test
