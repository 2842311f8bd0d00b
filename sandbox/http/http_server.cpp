#include "sandbox/http/http_server.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

namespace mig_sandbox {
namespace {

// Go puts a length before an answer up to here; a longer one is chunked.
constexpr std::size_t kMostUnchunked = 2048;
constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kMostBody = 10 * 1024 * 1024;
constexpr unsigned kMostConnections = 2000;
constexpr unsigned kBacklog = 4096;

// One request and its answer.
struct Exchange {
  Request request;
  bool begun = false;
  bool too_long = false;
  Reply reply;
  MHD_Connection* connection = nullptr;
  std::size_t sent = 0;
};

int socket_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

// Resets the connection at once. The server's library would say goodbye first, so its descriptor gets another socket
// to close. Waits until the client's system has what was sent before.
void reset(MHD_Connection* connection) {
  const int fd = socket_of(connection);
  int waiting = 0;
  for (int i = 0; i < 500 && ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  const int dummy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (dummy < 0) return;
  dup2(dummy, fd);
  close(dummy);
}

std::string client_address(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const sockaddr* address = info->client_addr;
  if (address->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(), text.size());
  else
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text.data(), text.size());
  return text.data();
}

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string() : value;
}

ssize_t read_body(void* data, std::uint64_t, char* buffer, std::size_t most) {
  auto& exchange = *static_cast<Exchange*>(data);
  const std::string& body = exchange.reply.answer.body;
  const bool half = exchange.reply.delivery == Delivery::half;
  const std::size_t end = half ? body.size() / 2 : body.size();
  if (exchange.sent == end) {
    if (!half) return MHD_CONTENT_READER_END_OF_STREAM;
    reset(exchange.connection);
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  const std::size_t size = std::min(most, end - exchange.sent);
  std::memcpy(buffer, body.data() + exchange.sent, size);
  exchange.sent += size;
  return static_cast<ssize_t>(size);
}

// Until the client has gone or `stopping`.
void hang(MHD_Connection* connection, const std::atomic<bool>& stopping) {
  pollfd client{socket_of(connection), POLLRDHUP, 0};
  while (!stopping && poll(&client, 1, 50) == 0) {
  }
}

MHD_Result send(MHD_Connection* connection, Exchange& exchange) {
  const Answer& answer = exchange.reply.answer;
  if (exchange.reply.delivery == Delivery::none || exchange.reply.delivery == Delivery::never) {
    reset(connection);
    return MHD_NO;
  }
  const std::uint64_t size = answer.body.size() > kMostUnchunked ? MHD_SIZE_UNKNOWN : answer.body.size();
  MHD_Response* response = MHD_create_response_from_callback(size, kBlock, read_body, &exchange, nullptr);
  if (answer.type == Answer::Type::html) {
    MHD_add_response_header(response, "Content-Type", "text/html");
  } else if (answer.type == Answer::Type::plain) {
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  } else {
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "Content-Type", "application/json");
  }
  for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

void* begin_exchange(void*, const char* uri, MHD_Connection* connection) {
  auto exchange = std::make_unique<Exchange>();
  const std::string_view text = uri;
  const std::size_t mark = std::min(text.find('?'), text.size());
  exchange->request.path = text.substr(0, mark);
  exchange->request.query = text.substr(std::min(mark + 1, text.size()));
  exchange->connection = connection;
  return exchange.release();
}

void end_exchange(void*, MHD_Connection* connection, void** state, MHD_RequestTerminationCode code) {
  const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*state));
  *state = nullptr;
  if (exchange && exchange->reply.delivery == Delivery::farewell && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
    reset(connection);
}

}  // namespace

struct HttpServer::Impl {
  Handler handler;
  MHD_Daemon* daemon = nullptr;
  std::atomic<bool> stopping = false;

  static MHD_Result serve(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                          const char* upload, std::size_t* upload_size, void** state) {
    auto& exchange = *static_cast<Exchange*>(*state);
    Request& request = exchange.request;
    if (!exchange.begun) {
      exchange.begun = true;
      request.method = method;
      return MHD_YES;
    }
    if (*upload_size != 0) {
      exchange.too_long = exchange.too_long || request.body.size() + *upload_size > kMostBody;
      if (!exchange.too_long) request.body.append(upload, *upload_size);
      *upload_size = 0;
      return MHD_YES;
    }
    request.token = header(connection, "X-PGPAUTHORIZATION");
    request.api_key = header(connection, "X-MIGAPIKEY");
    request.client = client_address(connection);
    exchange.reply = static_cast<Impl*>(self)->handle(exchange);
    if (exchange.reply.delivery == Delivery::never) hang(connection, static_cast<Impl*>(self)->stopping);
    return send(connection, exchange);
  }

  Reply handle(const Exchange& exchange) const {
    if (exchange.too_long) return {{413, "http: request body too large\n", Answer::Type::plain}};
    try {
      return handler(exchange.request);
    } catch (const std::exception& e) {
      return {{500, std::string("the sandbox failed: ") + e.what() + "\n", Answer::Type::plain}};
    }
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->stopping = true;
  MHD_stop_daemon(impl_->daemon);
}

std::uint16_t HttpServer::port() const {
  const auto* info = MHD_get_daemon_info(impl_->daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info == nullptr ? std::uint16_t{0} : info->port;
}

mig_runner::Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, Handler handler) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(options.port);
  const bool is_v6 = options.address == "::1" && inet_pton(AF_INET6, "::1", &v6.sin6_addr) == 1;
  const bool is_v4 =
      options.address.starts_with("127.") && inet_pton(AF_INET, options.address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && !is_v6)
    return mig_runner::fail("the sandbox listens on loopback only (127.0.0.1, another 127.x.x.x, ::1), not on \"" +
                            options.address + '"');
  const auto* address = is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  auto impl = std::make_unique<Impl>();
  impl->handler = std::move(handler);
  unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL;
  if (is_v6) flags |= MHD_USE_IPv6;
  std::array<MHD_OptionItem, 3> tls{};
  if (!options.certificate.empty()) {
    flags |= MHD_USE_TLS;
    tls[0] = {MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(options.certificate.c_str())};
    tls[1] = {MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(options.key.c_str())};
    tls[2] = {MHD_OPTION_END, 0, nullptr};
  } else {
    tls[0] = {MHD_OPTION_END, 0, nullptr};
  }
  impl->daemon =
      MHD_start_daemon(flags, options.port, nullptr, nullptr, &Impl::serve, impl.get(), MHD_OPTION_SOCK_ADDR, address,
                       MHD_OPTION_URI_LOG_CALLBACK, &begin_exchange, nullptr, MHD_OPTION_NOTIFY_COMPLETED,
                       &end_exchange, nullptr, MHD_OPTION_CONNECTION_LIMIT, kMostConnections,
                       MHD_OPTION_LISTEN_BACKLOG_SIZE, kBacklog, MHD_OPTION_ARRAY, tls.data(), MHD_OPTION_END);
  if (impl->daemon == nullptr)
    return mig_runner::fail_errno("cannot listen on " + options.address + ":" + std::to_string(options.port));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace mig_sandbox
