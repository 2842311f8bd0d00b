#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/scratch_directory.h"

extern char** environ;

namespace mig_runner::test {

// openssl's own test server on loopback, with a certificate signed by itself. It answers each GET with a page.
class TlsServer {
 public:
  explicit TlsServer(const std::string& host = "localhost", const std::vector<std::string>& more = {}) {
    wait(start({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + host,
                "-addext", "subjectAltName=DNS:" + host, "-keyout", key(), "-out", certificate()},
               -1));
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    output_ = UniqueFd(ends[0]);
    const UniqueFd writer(ends[1]);
    std::vector<std::string> arguments{"openssl", "s_server",    "-www", "-accept", "127.0.0.1:0",
                                       "-cert",   certificate(), "-key", key()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process_ = start(arguments, writer.get());
    port_ = read_port();
  }
  ~TlsServer() {
    kill(process_, SIGKILL);
    wait(process_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string url() const { return "https://localhost:" + port_ + "/"; }
  std::string certificate() const { return directory_.path() / "certificate.pem"; }

 private:
  std::string key() const { return directory_.path() / "key.pem"; }

  static pid_t start(std::vector<std::string> arguments, int output) {
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, 1);
    pid_t process = -1;
    const int error = posix_spawnp(&process, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("openssl cannot be started");
    return process;
  }

  static void wait(pid_t process) { waitpid(process, nullptr, 0); }

  // From the line "ACCEPT 127.0.0.1:PORT".
  std::string read_port() {
    std::string text;
    char byte = 0;
    while (read(output_.get(), &byte, 1) == 1) {
      if (byte != '\n') {
        text += byte;
      } else if (text.starts_with("ACCEPT ")) {
        return text.substr(text.rfind(':') + 1);
      } else {
        text.clear();
      }
    }
    throw std::runtime_error("openssl s_server does not listen");
  }

  ScratchDirectory directory_;
  UniqueFd output_;
  pid_t process_ = -1;
  std::string port_;
};

// A variable of the environment, for as long as this lives.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~EnvironmentVariable() { unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
};

}  // namespace mig_runner::test
