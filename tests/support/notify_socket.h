#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {

// The service manager's end of sd_notify(3): a datagram socket, and what came out of it.
class NotifySocket {
 public:
  NotifySocket() : path_(directory_.path() / "notify"), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  std::string path() const { return path_; }

  // All messages so far, oldest first.
  const std::vector<std::string>& messages() {
    std::string buffer(4096, '\0');
    for (ssize_t size = 0; (size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      messages_.push_back(buffer.substr(0, static_cast<std::size_t>(size)));
    return messages_;
  }
  // How many messages begin like this.
  long count(const std::string& beginning) {
    const auto& all = messages();
    return std::count_if(all.begin(), all.end(), [&](const auto& message) { return message.starts_with(beginning); });
  }

 private:
  ScratchDirectory directory_;
  std::filesystem::path path_;
  UniqueFd fd_;
  std::vector<std::string> messages_;
};

}  // namespace mig_runner::test
