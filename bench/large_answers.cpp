#include "bench/large_answers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.h"
#include "bench/process.h"
#include "bench/stand.h"

namespace mig_bench {
namespace {

using mig_runner::UniqueFd;

constexpr std::int64_t kAction = 7;
constexpr std::string_view kBegin = R"({"collection":{"version":"1.0","items":[{"href":"x","data":[)";
constexpr std::string_view kEnd = R"({"name":"search parameters","value":{}}]}],"error":{}}})";
constexpr std::string_view kCommandEnd = "0]}},";

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool send_answer(int fd, int status, std::string_view body) {
  return send_all(fd, fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body));
}

std::int64_t number_after(std::string_view text, std::string_view key) {
  return std::stoll(std::string(text.substr(text.find(key) + key.size(), 20)));
}

// Up to the empty line; empty at the end of the connection.
std::string read_request(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.find("\r\n\r\n") == std::string::npos) {
    const auto size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) return "";
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

struct LargeAnswers::Impl {
  Shape shape;
  nlohmann::json action;
  std::string filling;  // many of them
  UniqueFd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;
  std::jthread acceptor;

  std::string head(std::int64_t row) const {
    return fmt::format(R"({{"name":"command","value":{{"id":{},"agent":{{"id":{},"name":"agent{}.example.net"}},)"
                       R"("status":"success","results":[)",
                       row + 1, row + 1, row + 1);
  }
  std::size_t elements(std::int64_t row) const {
    const auto bytes = row == 0 && shape.first_bytes > 0 ? shape.first_bytes : shape.bytes;
    return bytes / shape.filling.size();
  }
  std::size_t size(std::int64_t row) const {
    return head(row).size() + elements(row) * shape.filling.size() + kCommandEnd.size();
  }

  bool send_row(int fd, std::int64_t row) const {
    if (!send_all(fd, head(row))) return false;
    auto left = elements(row) * shape.filling.size();
    while (left > 0) {
      const auto part = std::min(left, filling.size());
      if (!send_all(fd, std::string_view(filling).substr(0, part))) return false;
      left -= part;
    }
    return send_all(fd, kCommandEnd);
  }

  bool answer(int fd, const std::string& request) const {
    if (request.find("type=command") == std::string::npos) {
      const nlohmann::json datum{{"name", "action"}, {"value", action}};
      const nlohmann::json item{{"href", "x"}, {"data", {datum}}};
      return send_answer(fd, 200, nlohmann::json{{"collection", {{"items", {item}}}}}.dump());
    }
    const auto offset = number_after(request, "offset=");
    const auto end = std::min<std::int64_t>(offset + number_after(request, "limit="), shape.commands);
    if (offset >= end) return send_answer(fd, 404, R"({"collection":{"error":{"message":"no results found"}}})");
    auto length = kBegin.size() + kEnd.size();
    for (auto row = offset; row < end; ++row) length += size(row);
    if (!send_all(fd, fmt::format("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n{}", length, kBegin))) return false;
    for (auto row = offset; row < end; ++row)
      if (!send_row(fd, row)) return false;
    return send_all(fd, kEnd);
  }

  void accept_all() {
    std::vector<std::jthread> connections;
    while (true) {
      const int fd = accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      connections.emplace_back([this, connection = UniqueFd(fd)] {
        for (auto request = read_request(connection.get()); !request.empty(); request = read_request(connection.get()))
          if (!answer(connection.get(), request)) return;
      });
    }
  }
};

LargeAnswers::LargeAnswers(const Shape& shape) : impl_(std::make_unique<Impl>()) {
  impl_->shape = shape;
  impl_->action =
      nlohmann::json::parse(signed_action(small_action(), "large", now(), std::chrono::hours(1), *make_signer()));
  impl_->action["id"] = kAction;
  impl_->action["status"] = "completed";
  impl_->action["counters"] = {{"sent", shape.commands}, {"done", shape.commands}, {"success", shape.commands}};
  while (impl_->filling.size() < 60'000) impl_->filling += shape.filling;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(impl_->listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(impl_->listener.get(), 64) != 0 ||
      getsockname(impl_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    give_up("the API of large answers cannot listen");
  impl_->port = ntohs(address.sin_port);
  impl_->acceptor = std::jthread([this] { impl_->accept_all(); });
}

LargeAnswers::~LargeAnswers() {
  shutdown(impl_->listener.get(), SHUT_RDWR);
}

int LargeAnswers::port() const {
  return impl_->port;
}

const nlohmann::json& LargeAnswers::action() const {
  return impl_->action;
}

}  // namespace mig_bench
