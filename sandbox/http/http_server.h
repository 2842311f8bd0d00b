#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "sandbox/http/message.h"

namespace mig_sandbox {

// How an answer goes out.
enum class Delivery {
  whole,
  none,     // the connection is reset instead
  never,    // nothing, until the client or the server goes
  half,     // the connection is reset inside the body
  farewell  // whole, then the connection is reset
};

struct Reply {
  Answer answer;
  Delivery delivery = Delivery::whole;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // of the loopback network, or ::1
  std::uint16_t port = 0;             // 0: any
  std::string certificate;            // PEM text, with `key`: HTTPS
  std::string key;
};

// An HTTP/1.1 server on loopback: one thread a connection, connections are kept. Answers have the headers of the real
// server: beyond 2048 bytes they are chunked.
class HttpServer {
 public:
  // Called from many threads at the same time; what it throws becomes a 500.
  using Handler = std::function<Reply(const Request&)>;
  static mig_runner::Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Ends all connections; waits for handlers that are running.
  ~HttpServer();

  std::uint16_t port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_sandbox
