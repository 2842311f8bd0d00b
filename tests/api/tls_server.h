#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/child.h"
#include "base/file.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {

// openssl's own test server on loopback, with a certificate signed by itself. It answers each GET with a page.
class TlsServer {
 public:
  explicit TlsServer(const std::string& host = "localhost", const std::vector<std::string>& more = {}) {
    start({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + host, "-addext",
           "subjectAltName=DNS:" + host, "-keyout", key(), "-out", certificate()},
          {})
        .wait();
    auto output = make_pipe();
    if (!output) throw std::runtime_error(output.error().text());
    std::vector<std::string> arguments{"openssl", "s_server",    "-www", "-accept", "127.0.0.1:0",
                                       "-cert",   certificate(), "-key", key()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process_.emplace(start(std::move(arguments), Stream::of(output->writer)));
    output->writer.reset();
    output_ = std::move(output->reader);
    port_ = read_port();
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string url() const { return "https://localhost:" + port_ + "/"; }
  std::string certificate() const { return directory_.path() / "certificate.pem"; }

 private:
  std::string key() const { return directory_.path() / "key.pem"; }

  static Child start(std::vector<std::string> arguments, const Stream& output) {
    auto child = Child::start({.arguments = std::move(arguments), .output = output});
    if (!child) throw std::runtime_error("openssl cannot be started");
    return std::move(*child);
  }

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
  std::optional<Child> process_;
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
