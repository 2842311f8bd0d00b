#include "base/child.h"

#include <gmock/gmock.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

using namespace std::chrono_literals;
using test::read_text;
using test::ScratchDirectory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ChildTest : public testing::Test {
 protected:
  // A shell script; what it prints goes to output().
  Program script(const std::string& text) const {
    return {
        .arguments = {"sh", "-c", text}, .output = Stream::to(file("output")), .errors = Stream::to(file("errors"))};
  }
  Child start(const Program& program) const {
    auto child = Child::start(program);
    if (!child) throw std::runtime_error(strerror(child.error()));
    return std::move(*child);
  }
  std::filesystem::path file(const std::string& name) const { return directory_.path() / name; }
  std::string output() const { return read_text(file("output")); }

 private:
  ScratchDirectory directory_;
};

int read_number(int fd) {
  std::array<char, 64> buffer{};
  static_cast<void>(!read(fd, buffer.data(), buffer.size() - 1));
  return std::atoi(buffer.data());
}

bool is_there(pid_t process) {
  return kill(process, 0) == 0;
}

TEST_F(ChildTest, TellsHowItEnded) {
  auto fine = start(script("exit 3"));
  EXPECT_EQ(fine.wait().exit_code, 3);
  EXPECT_EQ(fine.wait().status(), 3);
  EXPECT_FALSE(fine.runs());
  auto killed = start(script("kill -TERM $$"));
  EXPECT_EQ(killed.wait().exit_code, -1);
  EXPECT_EQ(killed.wait().signal, SIGTERM);
  EXPECT_EQ(killed.wait().status(), 128 + SIGTERM);
}

TEST_F(ChildTest, TellsWhatItTook) {
  EXPECT_GT(start(script("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")).wait().cpu, 1ms);
}

TEST_F(ChildTest, RunsUntilItEnds) {
  auto pipe = make_pipe();
  auto program = script("read line");
  program.input = Stream::of(pipe->reader);
  auto child = start(program);
  EXPECT_TRUE(child.runs());
  EXPECT_FALSE(child.wait(20ms));
  pipe->writer.reset();
  EXPECT_TRUE(child.wait(20s));
}

TEST_F(ChildTest, ThatCannotStartSaysWhy) {
  EXPECT_EQ(Child::start({.arguments = {"no-such-program"}}).error(), ENOENT);
  EXPECT_EQ(Child::start({.arguments = {file("").string()}}).error(), EACCES);
  test::write_text(file("text"), "neither a program nor a script");
  chmod(file("text").c_str(), 0700);
  EXPECT_EQ(Child::start({.arguments = {file("text").string()}}).error(), ENOEXEC);
  auto nowhere = script("true");
  nowhere.directory = file("nowhere");
  EXPECT_EQ(Child::start(nowhere).error(), ENOENT);
  auto no_input = script("true");
  no_input.input = Stream::from(file("nothing"));
  EXPECT_EQ(Child::start(no_input).error(), ENOENT);
}

TEST_F(ChildTest, GetsItsStreamsAndNoOtherDescriptor) {
  test::write_text(file("input"), "asked\n");
  const UniqueFd leaked(dup(1));
  ASSERT_EQ(leaked.get() > 2, true);
  auto program = script("cat; echo wrong >&2; ls /proc/$$/fd");
  program.input = Stream::from(file("input"));
  EXPECT_EQ(start(program).wait().exit_code, 0);
  EXPECT_EQ(output(), "asked\n0\n1\n2\n");
  EXPECT_EQ(read_text(file("errors")), "wrong\n");
}

TEST_F(ChildTest, ReadsNothingIfItGetsNoInput) {
  EXPECT_EQ(start(script("cat")).wait().exit_code, 0);
  EXPECT_EQ(output(), "");
}

TEST_F(ChildTest, AppendsToItsFile) {
  start(script("echo one")).wait();
  start(script("echo two")).wait();
  EXPECT_EQ(output(), "one\ntwo\n");
}

TEST_F(ChildTest, WorksInItsDirectory) {
  auto program = script("pwd");
  program.directory = "/usr";
  start(program).wait();
  EXPECT_EQ(output(), "/usr\n");
}

TEST_F(ChildTest, HasTheEnvironmentItIsGiven) {
  auto program = script("echo $ONE $HOME");
  program.environment = {"ONE=1"};
  start(program).wait();
  EXPECT_EQ(output(), "1\n");
}

TEST_F(ChildTest, HasOurEnvironmentAndWhatIsAdded) {
  setenv("CHILD_TEST_KEPT", "kept", 1);
  setenv("CHILD_TEST_CHANGED", "old", 1);
  auto program = script("env | grep ^CHILD_TEST_ | sort");
  program.environment = environment_with({{"CHILD_TEST_CHANGED", "new"}, {"CHILD_TEST_MORE", "more"}});
  start(program).wait();
  EXPECT_EQ(output(), "CHILD_TEST_CHANGED=new\nCHILD_TEST_KEPT=kept\nCHILD_TEST_MORE=more\n");
  unsetenv("CHILD_TEST_KEPT");
  unsetenv("CHILD_TEST_CHANGED");
}

TEST_F(ChildTest, HasNoSignalBlockedOrIgnored) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  start(script("sed -n 's/^Sig\\(Blk\\|Ign\\)://p' /proc/self/status")).wait();
  std::istringstream masks(output());
  std::uint64_t blocked = 1, ignored = 1;
  masks >> std::hex >> blocked >> ignored;
  EXPECT_EQ(blocked, 0U);
  // 32 and 33 are the C library's own.
  EXPECT_EQ(ignored & ~(std::uint64_t{3} << 31U), 0U);
  std::signal(SIGPIPE, handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(ChildTest, LeadsAGroupOnlyIfToldTo) {
  auto same = script("sleep 100");
  auto own = same;
  own.group = Program::Group::own;
  auto session = same;
  session.group = Program::Group::session;
  EXPECT_EQ(getpgid(start(same).id()), getpgid(0));
  const auto leader = start(own);
  EXPECT_EQ(getpgid(leader.id()), leader.id());
  EXPECT_EQ(getsid(leader.id()), getsid(0));
  const auto alone = start(session);
  EXPECT_EQ(getsid(alone.id()), alone.id());
}

TEST_F(ChildTest, OfASessionHasItsTerminal) {
  int ours = -1, theirs = -1;
  char name[PATH_MAX];
  ASSERT_EQ(openpty(&ours, &theirs, name, nullptr, nullptr), 0);
  const UniqueFd terminal(ours), other_end(theirs);
  auto program = script("echo from the terminal > /dev/tty");
  program.input = {-1, name, O_RDWR};
  program.group = Program::Group::session;
  EXPECT_EQ(start(program).wait().exit_code, 0);
  std::array<char, 64> buffer{};
  ASSERT_GT(read(terminal.get(), buffer.data(), buffer.size() - 1), 0);
  EXPECT_THAT(buffer.data(), HasSubstr("from the terminal"));
}

TEST_F(ChildTest, EndsWithItsOwnerAndItsGroup) {
  auto pipe = make_pipe();
  auto program = script("sleep 100 & echo $!; wait");
  program.output = Stream::of(pipe->writer);
  program.group = Program::Group::own;
  int grandchild = 0;
  pid_t process = 0;
  {
    const auto child = start(program);
    process = child.id();
    grandchild = read_number(pipe->reader.get());
    ASSERT_TRUE(is_there(grandchild));
  }
  EXPECT_FALSE(is_there(process));
  // Only `sleep` still has the pipe.
  pipe->writer.reset();
  EXPECT_EQ(read_number(pipe->reader.get()), 0);
}

TEST_F(ChildTest, ThatHasEndedLeavesItsGroupAlone) {
  auto pipe = make_pipe();
  auto program = script("sleep 100 & echo $!");
  program.output = Stream::of(pipe->writer);
  program.group = Program::Group::own;
  int grandchild = 0;
  {
    auto child = start(program);
    grandchild = read_number(pipe->reader.get());
    while (child.runs()) std::this_thread::yield();
  }
  EXPECT_TRUE(is_there(grandchild));
  kill(grandchild, SIGKILL);
}

TEST_F(ChildTest, ThatIsDisownedRunsOn) {
  pid_t process = 0;
  {
    auto child = start(script("sleep 100"));
    process = child.id();
    child.disown();
  }
  EXPECT_TRUE(is_there(process));
  kill(process, SIGKILL);
}

TEST_F(ChildTest, ThatHasEndedGetsNoSignal) {
  auto child = start(script("exit 0"));
  child.wait();
  EXPECT_FALSE(child.signal(SIGTERM));
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace mig_runner
