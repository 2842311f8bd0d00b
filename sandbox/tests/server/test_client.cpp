#include "server/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

namespace mig_sandbox::test {

bool TestClient::connect() {
  socket_ = mig_runner::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  buffer_.clear();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool TestClient::ended_within(int milliseconds) {
  pollfd poll_fd{socket_.get(), POLLIN, 0};
  if (poll(&poll_fd, 1, milliseconds) != 1) return false;
  char byte = 0;
  return recv(socket_.get(), &byte, 1, MSG_PEEK) <= 0;
}

bool TestClient::read_more(TestAnswer& answer) {
  std::array<char, 65536> block{};
  const ssize_t size = read(socket_.get(), block.data(), block.size());
  if (size < 0 && errno == ECONNRESET) answer.reset = true;
  if (size <= 0) {
    socket_.reset();
    return false;
  }
  buffer_.append(block.data(), static_cast<std::size_t>(size));
  return true;
}

void TestClient::read_chunks(TestAnswer& answer) {
  while (true) {
    std::size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      if (!read_more(answer)) return;
    }
    const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
    while (buffer_.size() < line + 2 + size + 2) {
      if (!read_more(answer)) return;
    }
    answer.body.append(buffer_, line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    if (size == 0) break;
  }
  answer.complete = true;
}

void TestClient::read_answer(TestAnswer& answer) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(answer)) return;
  }
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(head.substr(9, 3));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t colon = head.find(':', at);
    const std::size_t line = head.find("\r\n", at);
    std::string name = head.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = head.substr(colon + 2, line - colon - 2);
    at = line + 2;
  }
  if (answer.headers.contains("transfer-encoding")) return read_chunks(answer);
  const std::size_t length = std::stoul(answer.headers.at("content-length"));
  while (buffer_.size() < length && read_more(answer)) {
  }
  answer.complete = buffer_.size() >= length;
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, std::min(length, buffer_.size()));
}

bool TestClient::send_only(std::string_view method, std::string_view path,
                           const std::map<std::string, std::string>& headers, std::string_view body) {
  if (!socket_ && !connect()) return false;
  std::string text = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n";
  text += body;
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t size = send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

TestAnswer TestClient::request(std::string_view method, std::string_view path,
                               const std::map<std::string, std::string>& headers, std::string_view body) {
  TestAnswer answer;
  if (!send_only(method, path, headers, body)) {
    answer.reset = true;
    socket_.reset();
    return answer;
  }
  read_answer(answer);
  return answer;
}

}  // namespace mig_sandbox::test
