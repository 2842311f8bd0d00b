#include "log/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "base/file.h"
#include "base/utf8.h"
#include "support/manual_clock.h"
#include "support/scratch_directory.h"

namespace mig_runner::log {
namespace {

using testing::HasSubstr;

class LogTest : public testing::Test {
 protected:
  LogTest() { signal(SIGPIPE, SIG_IGN); }
  Settings file_settings() const {
    Settings settings;
    settings.mode = Settings::Mode::file;
    settings.file = path;
    return settings;
  }
  // The file's text once all is written.
  std::string file(Log& log, const std::string& suffix = "") const {
    log.flush(std::chrono::seconds(10));
    return test::read_text(path.string() + suffix);
  }

  test::ScratchDirectory directory;
  std::filesystem::path path = directory.path() / "log";
  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00.007Z").value()};
};

TEST_F(LogTest, OneMessageIsOneLine) {
  const auto log = Log::open(file_settings(), clock).value();
  log->info("two\nlines \x1b[31m and a\ttab");
  log->debug("not at this level");
  log->error("bad");
  EXPECT_EQ(file(*log),
            "2026-11-23T08:00:00.007Z info two\\nlines \\x1b[31m and a\\ttab\n2026-11-23T08:00:00.007Z err bad\n");
  struct stat status {};
  stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LogTest, RotatesBeforeItGrowsPastItsLimit) {
  auto settings = file_settings();
  settings.max_file_bytes = 100;
  const auto log = Log::open(settings, clock).value();
  for (int i = 0; i < 5; ++i) log->info("message " + std::to_string(i));
  EXPECT_THAT(file(*log), HasSubstr("message 4"));
  EXPECT_THAT(file(*log, ".1"), HasSubstr("message 3"));
  EXPECT_LE(file(*log).size(), 100U);
  EXPECT_LE(file(*log, ".1").size(), 100U);
}

TEST_F(LogTest, AppendsAndReopens) {
  test::write_text(path, "before\n");
  const auto log = Log::open(file_settings(), clock).value();
  log->info("one");
  std::filesystem::rename(path, path.string() + ".moved");
  log->info("two");
  log->flush(std::chrono::seconds(10));
  log->reopen();
  log->info("three");
  EXPECT_THAT(file(*log, ".moved"), testing::AllOf(testing::StartsWith("before\n"), HasSubstr("two")));
  EXPECT_THAT(file(*log), testing::AllOf(HasSubstr("three"), testing::Not(HasSubstr("two"))));
}

// Others decide who may read what is kept of it.
TEST_F(LogTest, ARotatedFileIsFollowedByOneOfItsOwnerAndMode) {
  test::write_text(path, std::string(50, 'x') + "\n");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const bool chowned = chown(path.c_str(), 65534, 65533) == 0;
  auto settings = file_settings();
  settings.max_file_bytes = 60;
  const auto log = Log::open(settings, clock).value();
  log->info("next");
  EXPECT_THAT(file(*log), testing::EndsWith("info next\n"));
  EXPECT_THAT(file(*log, ".1"), HasSubstr("xxx"));
  struct stat status {};
  stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
  if (!chowned) return;
  EXPECT_EQ(status.st_uid, 65534U);
  EXPECT_EQ(status.st_gid, 65533U);
}

// Another group must not get the rights of the file's group.
TEST_F(LogTest, ARotatedFileOfAGroupThatCannotBeKeptIsItsOwnersAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t kUser = 12345;
  test::write_text(path, std::string(50, 'x') + "\n");
  ASSERT_EQ(chmod(path.c_str(), 0660), 0);
  ASSERT_EQ(chown(path.c_str(), kUser, 65533), 0);
  ASSERT_EQ(chown(directory.path().c_str(), kUser, kUser), 0);
  auto settings = file_settings();
  settings.max_file_bytes = 60;
  ASSERT_EQ(seteuid(kUser), 0);
  {
    const auto log = Log::open(settings, clock).value();
    log->info("next");
  }
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_THAT(test::read_text(path), testing::EndsWith("info next\n"));
  struct stat status {};
  stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LogTest, RotatesWhereASymlinkLeads) {
  std::filesystem::create_directory(directory.path() / "elsewhere");
  std::filesystem::create_symlink("elsewhere/real", path);
  auto settings = file_settings();
  settings.max_file_bytes = 60;
  const auto log = Log::open(settings, clock).value();
  for (int i = 0; i < 3; ++i) log->info("message " + std::to_string(i));
  EXPECT_THAT(file(*log), HasSubstr("message 2"));
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".1"));
  EXPECT_THAT(test::read_text(directory.path() / "elsewhere/real.1"), HasSubstr("message 1"));
}

TEST_F(LogTest, NothingButRegularFilesIsRotated) {
  // What /dev/stdout is where standard output is a file.
  const UniqueFd open(::open((directory.path() / "output").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const auto opened = "/proc/self/fd/" + std::to_string(open.get());
  // In place of a device, which a wrong rotation would take away from the whole machine.
  const auto pipe = (directory.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  for (const auto& target : {opened, "/dev/fd/" + std::to_string(open.get()), pipe}) {
    std::filesystem::remove(path);
    std::filesystem::create_symlink(target, path);
    auto settings = file_settings();
    settings.max_file_bytes = 40;
    const auto log = Log::open(settings, clock).value();
    for (int i = 0; i < 3; ++i) log->info("message " + std::to_string(i));
    log->flush(std::chrono::seconds(10));
    EXPECT_EQ(std::filesystem::read_symlink(path), target);
    EXPECT_FALSE(std::filesystem::exists(path.string() + ".1")) << target;
  }
  EXPECT_THAT(test::read_text(directory.path() / "output"), HasSubstr("message 0"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "output.1"));
  EXPECT_FALSE(std::filesystem::exists(pipe + ".1"));
}

TEST_F(LogTest, AFileThatSomebodyElseMovedAwayIsNotRotatedTwice) {
  auto settings = file_settings();
  settings.max_file_bytes = 60;
  const auto log = Log::open(settings, clock).value();
  log->info("message 0");
  file(*log);
  std::filesystem::rename(path, path.string() + ".moved");
  test::write_text(path, "from elsewhere\n");
  log->info("message 1");
  EXPECT_THAT(file(*log), testing::AllOf(testing::StartsWith("from elsewhere\n"), HasSubstr("message 1")));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".1"));
}

TEST_F(LogTest, AFifoWaitsForItsReader) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto log = Log::open(file_settings(), clock).value();
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  log->info("one");
  log->info("two");
  log->flush(std::chrono::seconds(10));
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read(reader.get(), text.data(), text.size()), 0)));
  EXPECT_EQ(text, "2026-11-23T08:00:00.007Z info one\n2026-11-23T08:00:00.007Z info two\n");
}

TEST_F(LogTest, AFifoThatNobodyReadsHoldsUpNobody) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto begin = std::chrono::steady_clock::now();
  {
    const auto log = Log::open(file_settings(), clock).value();
    const std::string line(1000, 'x');
    for (int i = 0; i < 500; ++i) log->info(line);
    // One who opens it and does not read.
    const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    for (int i = 0; i < 500; ++i) log->info(line);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsSaid) {
  auto settings = file_settings();
  settings.file = directory.path() / "none" / "log";
  EXPECT_THAT(Log::open(settings, clock).error().text(), HasSubstr("none/log: the log file cannot be opened"));
}

TEST_F(LogTest, ManyThreadsKeepLinesApart) {
  const auto log = Log::open(file_settings(), clock).value();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log] {
        for (int i = 0; i < 500; ++i) log->info(std::string(100, 'x'));
      });
  }
  const auto text = file(*log);
  const std::string line = "2026-11-23T08:00:00.007Z info " + std::string(100, 'x') + "\n";
  ASSERT_EQ(text.size(), 2000 * line.size());
  for (std::size_t at = 0; at < text.size(); at += line.size()) ASSERT_EQ(text.compare(at, line.size(), line), 0);
}

struct Server {
  explicit Server(int type) : fd(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    if (type == SOCK_STREAM) listen(fd.get(), 4);
    const timeval timeout{10, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  UniqueFd fd;
  std::uint16_t port = 0;
};

// Until `wanted` is in it or nothing comes any more.
std::string receive(int fd, const std::string& wanted) {
  std::string all;
  std::string buffer(65536, '\0');
  while (all.find(wanted) == std::string::npos) {
    const auto size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return all;
}

Settings syslog_settings(std::uint16_t port, bool tcp) {
  Settings settings;
  settings.mode = Settings::Mode::syslog;
  settings.host = "127.0.0.1";
  settings.port = port;
  settings.tcp = tcp;
  return settings;
}

TEST_F(LogTest, SyslogDatagrams) {
  const Server server(SOCK_DGRAM);
  const auto log = Log::open(syslog_settings(server.port, false), clock).value();
  log->warning("disk\nfull");
  EXPECT_THAT(receive(server.fd.get(), "full"),
              testing::MatchesRegex("<28>1 2026-11-23T08:00:00.007Z [^ ]+ mig-runner [0-9]+ - - disk\\\\nfull"));
}

TEST_F(LogTest, ADatagramThatIsTooLargeIsCut) {
  const Server server(SOCK_DGRAM);
  const auto log = Log::open(syslog_settings(server.port, false), clock).value();
  // One of the two would be cut within a character.
  for (std::string text : {"", "x"}) {
    while (text.size() < 70'000) text += "\u00e4";
    log->warning(text);
    log->warning("after");
    const auto received = receive(server.fd.get(), "after");
    EXPECT_THAT(received, HasSubstr("after"));
    EXPECT_GT(received.size(), 60'000U);
    EXPECT_EQ(to_valid_utf8(received), received) << "cut within a character";
  }
}

// Only the next datagram tells that nobody took one; none of them is tried again.
TEST_F(LogTest, DatagramsThatNobodyTakesHoldUpNoOthers) {
  std::uint16_t port = 0;
  { port = Server(SOCK_DGRAM).port; }
  const auto log = Log::open(syslog_settings(port, false), clock).value();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) log->info("nobody listens");
  log->flush(std::chrono::seconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1900)) << "a pause is 2 s";
}

TEST_F(LogTest, SyslogStreamCountsOctetsAndConnectsAgain) {
  const Server server(SOCK_STREAM);
  auto settings = syslog_settings(server.port, true);
  settings.facility = 19;
  const auto log = Log::open(settings, clock).value();
  log->notice("first");
  {
    const UniqueFd connection(accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const auto text = receive(connection.get(), "first");
    const auto length = std::stoul(text);
    EXPECT_EQ(text.size(), std::to_string(length).size() + 1 + length);
    EXPECT_THAT(text, HasSubstr(" <157>1 "));
  }
  log->reopen();
  log->notice("second");
  const UniqueFd connection(accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_THAT(receive(connection.get(), "second"), HasSubstr("second"));
}

TEST_F(LogTest, ASyslogServerThatIsAwayHoldsUpNobody) {
  std::uint16_t port = 0;
  { port = Server(SOCK_STREAM).port; }
  const auto begin = std::chrono::steady_clock::now();
  {
    const auto log = Log::open(syslog_settings(port, true), clock).value();
    for (int i = 0; i < 20'000; ++i) log->info("nobody listens");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

// What systemd's journal gets, in a file system of the child's own.
int write_to_a_journal(const Clock& clock) {
  constexpr int kNotAllowed = 77;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0)
    return kNotAllowed;
  std::filesystem::create_directories("/run/systemd/journal");
  const UniqueFd journal(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string("/run/systemd/journal/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  if (bind(journal.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
  Settings settings;
  settings.mode = Settings::Mode::journal;
  settings.level = Level::info;
  const auto log = Log::open(settings, clock);
  if (!log) return 2;
  (*log)->debug("not this");
  (*log)->warning("disk@08:00: a\nb");
  (*log)->flush(std::chrono::seconds(10));
  std::string entry(4096, '\0');
  const auto size = recv(journal.get(), entry.data(), entry.size(), MSG_DONTWAIT);
  if (size <= 0) return 3;
  entry.resize(static_cast<std::size_t>(size));
  for (const std::string line : {"MESSAGE=disk@08:00: a\\nb\n", "PRIORITY=4\n", "SYSLOG_IDENTIFIER=mig-runner\n"})
    if (entry.find(line) == std::string::npos) return 4;
  return 0;
}

TEST_F(LogTest, JournalEntries) {
  const auto child = fork();
  if (child == 0) _exit(write_to_a_journal(clock));
  int status = -1;
  waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "file systems may not be mounted here";
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

}  // namespace
}  // namespace mig_runner::log
