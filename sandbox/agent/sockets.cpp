#include "sandbox/agent/sockets.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>
#include <sstream>

namespace mig_sandbox {

namespace {

constexpr unsigned kTcpListen = 0x0A;
constexpr unsigned kUdpUnconnected = 0x07;

template <class Number>
bool parse_hex(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size();
}

// "0100007F:0CEA": the address as 32-bit words in the machine's byte order, then the port.
bool parse_endpoint(std::string_view text, Address& address, std::uint16_t& port) {
  const std::size_t colon = text.find(':');
  if (colon != 8 && colon != 32) return false;
  std::uint32_t words[4]{};
  for (std::size_t i = 0; i < colon / 8; ++i) {
    if (!parse_hex(text.substr(i * 8, 8), words[i])) return false;
  }
  address = Address::from_bytes(words, colon == 32);
  return parse_hex(text.substr(colon + 1), port);
}

unsigned prefix_bits(const sockaddr* mask) {
  if (mask == nullptr) return 0;
  const bool is_v6 = mask->sa_family == AF_INET6;
  const void* const bytes = is_v6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(mask)->sin6_addr)
                                  : &reinterpret_cast<const sockaddr_in*>(mask)->sin_addr;
  unsigned bits = 0;
  for (std::size_t i = 0; i < (is_v6 ? 16U : 4U); ++i) {
    bits += static_cast<unsigned>(std::popcount(static_cast<const std::uint8_t*>(bytes)[i]));
  }
  return bits;
}

}  // namespace

std::optional<Address> Address::parse(const std::string& text) {
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return from_bytes(bytes, false);
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return from_bytes(bytes, true);
  return std::nullopt;
}

Address Address::from_bytes(const void* bytes, bool is_v6) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const auto* const start = static_cast<const std::uint8_t*>(bytes);
  const bool is_mapped = is_v6 && std::equal(std::begin(kMapped), std::end(kMapped), start);
  Address address;
  address.is_v6_ = is_v6 && !is_mapped;
  std::copy_n(is_mapped ? start + 12 : start, address.is_v6_ ? 16 : 4, address.bytes_.begin());
  return address;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes_.data(), buffer, sizeof buffer);
}

bool Address::same_prefix(const Address& other, unsigned bits) const {
  if (is_v6_ != other.is_v6_) return false;
  for (unsigned i = 0; i < bits; ++i) {
    if (((bytes_[i / 8] ^ other.bytes_[i / 8]) & (0x80U >> (i % 8))) != 0) return false;
  }
  return true;
}

std::optional<Network> Network::parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network;
  network.base_ = *base;
  const unsigned all = base->is_v6() ? 128 : 32;
  network.bits_ = all;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data() + slash + 1, end, network.bits_);
    if (error != std::errc() || after != end || network.bits_ > all) return std::nullopt;
  }
  return network;
}

bool Network::contains(const Address& address) const {
  return base_.same_prefix(address, bits_);
}

bool Socket::listens() const {
  return state == (is_tcp ? kTcpListen : kUdpUnconnected) && !is_connected();
}

std::vector<Socket> read_socket_table(std::istream& table, bool is_tcp) {
  std::vector<Socket> sockets;
  std::string line;
  std::getline(table, line);  // the heading
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state;
    Socket socket;
    socket.is_tcp = is_tcp;
    if (fields >> slot >> local >> remote >> state && parse_endpoint(local, socket.local, socket.local_port) &&
        parse_endpoint(remote, socket.remote, socket.remote_port) && parse_hex(state, socket.state)) {
      sockets.push_back(socket);
    }
  }
  return sockets;
}

std::vector<LocalAddress> local_addresses() {
  std::vector<LocalAddress> addresses;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const sockaddr* const address = entry->ifa_addr;
    if (address == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6) continue;
    const bool is_v6 = address->sa_family == AF_INET6;
    const void* const bytes = is_v6
                                  ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)
                                  : &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    addresses.push_back({.address = Address::from_bytes(bytes, is_v6),
                         .prefix_bits = prefix_bits(entry->ifa_netmask),
                         .loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0});
  }
  return addresses;
}

}  // namespace mig_sandbox
