#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/file.h"

namespace mig_sandbox::test {

struct TestAnswer {
  int status = 0;                              // 0: there was none
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without the chunks' frames
  bool complete = false;                       // as far as HTTP tells
  bool reset = false;                          // the connection ended with a reset
};

// HTTP on a bare socket, so that a test sees what goes over the wire. Keeps the connection while it lasts.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port) : port_(port) {}

  TestAnswer request(std::string_view method, std::string_view path,
                     const std::map<std::string, std::string>& headers = {}, std::string_view body = {});
  TestAnswer get(std::string_view path, const std::map<std::string, std::string>& headers = {}) {
    return request("GET", path, headers);
  }
  // Sends a request and does not wait for its answer; false where the connection is gone.
  bool send_only(std::string_view method, std::string_view path, const std::map<std::string, std::string>& headers = {},
                 std::string_view body = {});
  // Whether the other side has ended the connection that is kept; waits up to `milliseconds` for it.
  bool ended_within(int milliseconds);

 private:
  bool connect();
  bool read_more(TestAnswer& answer);
  void read_answer(TestAnswer& answer);
  void read_chunks(TestAnswer& answer);

  std::uint16_t port_;
  mig_runner::UniqueFd socket_;
  std::string buffer_;
};

}  // namespace mig_sandbox::test
