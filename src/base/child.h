#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/file.h"

namespace mig_runner {

// A standard stream of a program: an open descriptor, which stays the caller's, or else a file that is opened for it.
struct Stream {
  int fd = -1;
  std::filesystem::path path = "/dev/null";
  int flags = O_RDWR;  // of open(2), mode 0600; no O_CLOEXEC

  static Stream of(const UniqueFd& file) { return {file.get(), {}, 0}; }
  static Stream from(std::filesystem::path file) { return {-1, std::move(file), O_RDONLY}; }
  // Appends to the file, which is made if it is not there.
  static Stream to(std::filesystem::path file) { return {-1, std::move(file), O_WRONLY | O_CREAT | O_APPEND}; }
};

// A program to be started. It gets the three standard streams and no other descriptor, no blocked signal, and the
// default action for every signal.
struct Program {
  std::vector<std::string> arguments;  // the first is a path, or a name without a slash that PATH finds
  std::optional<std::vector<std::string>> environment = {};  // "NAME=VALUE" each; nullopt: as of this process
  std::filesystem::path directory = {};                      // where it works; empty: where this process does
  Stream input = {};
  Stream output = {};
  Stream errors = {};
  enum class Group {
    same,     // the process group of this process: signals of the terminal reach it
    own,      // leads a process group
    session,  // leads a session, too; its terminal is the one that it opens as standard input
  };
  Group group = Group::same;
};

// How a child ended.
struct Ending {
  int exit_code = -1;  // -1: a signal ended it, or its status is lost because this process ignores SIGCHLD
  int signal = 0;
  bool dumped_core = false;
  std::chrono::microseconds cpu{0};  // of it and of the children that it waited for

  // As a shell has it in $?; -1: lost.
  int status() const { return signal != 0 ? 128 + signal : exit_code; }
};

// The environment of this process with the variables `added` ("NAME", "VALUE"), each in place of one with its name.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added);

// A process that was started from here. base/children.h keeps it apart from processes that are inherited. One thread at
// a time. If it still runs, the destructor kills it, with its process group if it leads one, and waits for its end.
class Child {
 public:
  // Returns once the program has taken the place of the new process. An error is the errno of what failed: of opening a
  // stream, of entering the directory, of the program itself (ENOENT, EACCES, ENOEXEC, ..) or of this process (EMFILE,
  // ENOMEM, ..).
  static tl::expected<Child, int> start(const Program& program);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t id() const { return process_; }
  // For poll(2): readable when it has ended. Stays with this object.
  int handle() const { return handle_.get(); }
  bool runs() { return !wait(std::chrono::milliseconds(0)); }
  // How it ended, also when asked again; nullopt: it still runs after `at_most`.
  std::optional<Ending> wait(std::chrono::milliseconds at_most);
  Ending wait();
  // Whether the signal was sent, to it alone or to its process group; else errno says why. Never after wait() told of
  // its end: its number may be another's.
  bool signal(int number) const;
  bool signal_group(int number) const;
  // Lets it run on: this object does nothing more with it, and reap_orphans() takes it once it has ended.
  void disown();

 private:
  Child(pid_t process, UniqueFd handle, bool leads_group)
      : process_(process), handle_(std::move(handle)), leads_group_(leads_group) {}

  pid_t process_ = -1;  // -1: disowned, or moved from
  UniqueFd handle_;
  bool leads_group_ = false;
  std::optional<Ending> ending_;
};

// A pipe; neither end is inherited by other programs.
struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};
Result<Pipe> make_pipe();

}  // namespace mig_runner
