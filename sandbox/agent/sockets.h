#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mig_sandbox {

// An IPv4 or IPv6 address; an IPv4 address inside an IPv6 one (::ffff:127.0.0.1) is that IPv4 address.
class Address {
 public:
  static std::optional<Address> parse(const std::string& text);
  static Address from_bytes(const void* bytes, bool is_v6);  // network order, 4 or 16 of them
  std::string text() const;
  bool is_v6() const { return is_v6_; }
  bool same_prefix(const Address& other, unsigned bits) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v6_ = false;
};

// "127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8".
class Network {
 public:
  static std::optional<Network> parse(const std::string& text);
  bool contains(const Address& address) const;

 private:
  Address base_;
  unsigned bits_ = 0;
};

struct Socket {
  Address local;
  std::uint16_t local_port = 0;
  Address remote;
  std::uint16_t remote_port = 0;
  unsigned state = 0;  // of the kernel's TCP states, also for UDP
  bool is_tcp = true;

  bool listens() const;
  bool is_connected() const { return remote_port != 0; }
};

// The sockets of one of the tables in /proc/net (tcp, tcp6, udp, udp6).
std::vector<Socket> read_socket_table(std::istream& table, bool is_tcp);

// The addresses of the machine's interfaces that are up, each with the length of its prefix.
struct LocalAddress {
  Address address;
  unsigned prefix_bits = 0;
  bool loopback = false;
};
std::vector<LocalAddress> local_addresses();

}  // namespace mig_sandbox
