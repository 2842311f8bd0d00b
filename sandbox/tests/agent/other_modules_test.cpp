#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "agent/agent_support.h"
#include "sandbox/agent/dpkg_status.h"
#include "sandbox/agent/sockets.h"

namespace mig_sandbox::test {
namespace {

using ::testing::HasSubstr;

// A socket on loopback with a port that the kernel chose; listening where TCP.
class LoopbackSocket {
 public:
  explicit LoopbackSocket(int family, int type = SOCK_STREAM, bool listens = true) : fd_(socket(family, type, 0)) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
    }
    bound_ = bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0;
    if (listens && type == SOCK_STREAM) listen(fd_, 4);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);  // in the same place for IPv6
  }
  ~LoopbackSocket() { close(fd_); }
  bool bound() const { return bound_; }
  int port() const { return port_; }
  std::string port_text() const { return std::to_string(port_); }

 private:
  int fd_;
  int port_ = 0;
  bool bound_ = false;
};

TEST(Pkg, IsWhatDpkgQueryTells) {
  std::set<std::string> expected;
  for (const std::string& line :
       lines_of("dpkg-query -W -f '${db:Status-Status}|${binary:Package}|${Version}|${Architecture}\\n'")) {
    if (line.starts_with("installed|")) expected.insert(line.substr(10));
  }
  ASSERT_GT(expected.size(), 100U);
  const json answer = run("pkg", {{"pkgmatch", {{"matches", {"."}}}}});
  std::set<std::string> told;
  for (const json& package : answer["elements"]["packages"]) {
    EXPECT_EQ(package["type"], "dpkg");
    told.insert(package["name"].get<std::string>() + "|" + package["version"].get<std::string>() + "|" +
                package["arch"].get<std::string>());
  }
  EXPECT_EQ(told, expected);
  EXPECT_EQ(answer["foundanything"], true);
  EXPECT_EQ(answer["errors"], nullptr);
}

TEST(Pkg, VersionNarrows) {
  const std::string version = lines_of("dpkg-query -W -f '${Version}' dpkg").at(0);
  const auto packages = [](const std::string& pattern) {
    return run("pkg", {{"pkgmatch", {{"matches", {"^dpkg$"}}}}, {"vermatch", pattern}})["elements"]["packages"];
  };
  EXPECT_EQ(packages("^" + version.substr(0, 2)).size(), 1U);
  EXPECT_EQ(packages("^no such version"), nullptr);
}

TEST(Pkg, NothingFoundAndWrongParameters) {
  const json none = run("pkg", {{"pkgmatch", {{"matches", {"^no-such-package$"}}}}});
  EXPECT_EQ(none["foundanything"], false);
  EXPECT_EQ(none["success"], true);
  EXPECT_EQ(none["elements"], json({{"packages", nullptr}}));
  EXPECT_EQ(run("pkg", json::object())["success"], false);
  EXPECT_THAT(run("pkg", {{"pkgmatch", {{"matches", {"("}}}}})["errors"][0].get<std::string>(),
              HasSubstr("missing closing )"));
}

TEST(Pkg, StatusDatabaseWithOddEntries) {
  std::istringstream status(
      "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 2\n\n"
      "Package: foreign\nStatus: hold ok installed\nArchitecture: i386\nVersion: 3\nDescription: a\n Package: not "
      "this\n\n"
      "no colon here\n\n\nPackage: last\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: "
      "amd64\nVersion:");
  std::vector<std::string> names;
  for (const DpkgPackage& package : read_dpkg_status(status)) names.push_back(package.name + "=" + package.version);
  EXPECT_EQ(names, std::vector<std::string>({"dpkg=1", "foreign:i386=3", "last:amd64="}));
}

TEST(Netstat, ListeningPortsAreThoseOfSs) {
  const LoopbackSocket v4(AF_INET);
  const LoopbackSocket udp(AF_INET, SOCK_DGRAM);
  const LoopbackSocket only_bound(AF_INET, SOCK_STREAM, false);
  const json answer = run("netstat", {{"listeningport", {v4.port_text(), udp.port_text(), only_bound.port_text()}}});
  const json& found = answer["elements"]["listeningport"];
  EXPECT_EQ(found[v4.port_text()],
            json({{{"localaddr", "127.0.0.1"}, {"localport", v4.port()}, {"namespace", "default"}}}));
  EXPECT_EQ(found[udp.port_text()].size(), 1U);
  EXPECT_EQ(found[only_bound.port_text()], nullptr);
  EXPECT_EQ(answer["foundanything"], true);
  // Other programs open and close theirs meanwhile: what is said to be there before and after was there.
  const auto listening = [] { return lines_of("ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -u"); };
  std::map<std::string, bool> seen;
  for (const auto& line : listening())
    seen[line] = !run("netstat", {{"listeningport", {line}}})["elements"]["listeningport"][line].is_null();
  for (const auto& line : listening()) {
    const auto before = seen.find(line);
    EXPECT_TRUE(before == seen.end() || before->second) << line;
  }
}

TEST(Netstat, ListeningOnIpv6) {
  const LoopbackSocket v6(AF_INET6);
  if (!v6.bound()) GTEST_SKIP() << "no IPv6 loopback here";
  EXPECT_EQ(run("netstat",
                {{"listeningport", {v6.port_text()}}})["elements"]["listeningport"][v6.port_text()][0]["localaddr"],
            "::1");
}

TEST(Netstat, ConnectedPeersByAddressAndNetwork) {
  const LoopbackSocket server(AF_INET);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const json answer = run("netstat", {{"connectedip", {"127.0.0.1", "127.0.0.0/8", "203.0.113.0/24", "::1"}}});
  close(client);
  const auto has_server = [&](const char* asked) {
    const json& list = answer["elements"]["connectedip"][asked];
    return std::any_of(list.begin(), list.end(),
                       [&](const json& element) { return element["remoteport"] == server.port(); });
  };
  EXPECT_TRUE(has_server("127.0.0.1"));
  EXPECT_TRUE(has_server("127.0.0.0/8"));
  EXPECT_FALSE(has_server("::1"));
  EXPECT_EQ(answer["elements"]["connectedip"]["203.0.113.0/24"], nullptr);
  EXPECT_FALSE(answer["elements"].contains("listeningport"));
}

TEST(Netstat, LocalAddresses) {
  const json answer = run("netstat", {{"localip", {"127.0.0.0/8", "203.0.113.7"}}});
  EXPECT_EQ(answer["elements"]["localip"]["127.0.0.0/8"][0], json({{"localaddr", "127.0.0.1"}}));
  EXPECT_EQ(answer["elements"]["localip"]["203.0.113.7"], nullptr);
  std::set<std::string> told;
  const json here = environment();
  for (const json& address : here["addresses"]) told.insert(address.get<std::string>());
  std::set<std::string> expected;
  for (const std::string& line : lines_of("ip -o addr show up | awk '$2 != \"lo\" && $3 ~ /^inet/ {print $4}'"))
    expected.insert(line);
  EXPECT_EQ(told, expected);
}

TEST(Netstat, ReadsTheKernelsTables) {
  std::istringstream table(
      "  sl  local_address rem_address   st\n"
      "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000\n"
      "   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:D431 01 00000000:00000000\n"
      "   2: garbage:1F90 0 1\n   3: 0100007F:1F9\n");
  const auto sockets = read_socket_table(table, true);
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_TRUE(sockets[0].listens());
  EXPECT_EQ(sockets[0].local.text(), "::");
  EXPECT_EQ(sockets[1].local.text(), "127.0.0.1");
  EXPECT_EQ(sockets[1].remote.text(), "127.0.0.2");
  EXPECT_EQ(sockets[1].remote_port, 54321);
}

TEST(Netstat, WrongParametersAreRefused) {
  for (const json& parameters :
       {json{{"listeningport", {"0"}}}, json{{"listeningport", {"70000"}}}, json{{"listeningport", {"80x"}}},
        json{{"listeningport", {80}}}, json{{"connectedip", {"10.0.0.0/33"}}}, json{{"connectedip", {"example.com"}}},
        json{{"localip", {"10.0.0.0/"}}}, json{{"localmac", {"^8c:"}}}}) {
    const json answer = run("netstat", parameters);
    EXPECT_EQ(answer["success"], false) << parameters;
    EXPECT_TRUE(answer["errors"].is_array()) << parameters;
  }
}

TEST(Ping, AnswersAsTheSampleWhereItConnects) {
  const LoopbackSocket server(AF_INET);
  const json answer = run("ping", {{"protocol", "tcp"},
                                   {"destination", "127.0.0.1"},
                                   {"destinationport", server.port()},
                                   {"count", 2},
                                   {"timeout", 2}});
  EXPECT_EQ(answer["foundanything"], true);
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["elements"]["failures"], nullptr);
  ASSERT_EQ(answer["elements"]["latencies"].size(), 2U);
  EXPECT_GT(answer["elements"]["latencies"][0], 0.0);
  EXPECT_EQ(answer["elements"]["resolvedhost"], "127.0.0.1:" + server.port_text() + " (127.0.0.1)");
  EXPECT_EQ(answer["elements"]["protocol"], "tcp");
  EXPECT_EQ(answer["statistics"], nullptr);
}

TEST(Ping, RefusedConnections) {
  const LoopbackSocket closed(AF_INET, SOCK_STREAM, false);
  const json answer = run(
      "ping", {{"protocol", "tcp"}, {"destination", "127.0.0.1"}, {"destinationport", closed.port()}, {"count", 2}});
  EXPECT_EQ(answer["foundanything"], false);
  EXPECT_EQ(answer["elements"]["failures"], json({"connection refused", "connection refused"}));
  EXPECT_EQ(answer["elements"]["latencies"], nullptr);
}

TEST(Ping, WrongParametersAreRefused) {
  for (const json& parameters :
       {json::object(), json{{"protocol", "icmp"}, {"destination", "127.0.0.1"}}, json{{"protocol", "tcp"}},
        json{{"protocol", "tcp"}, {"destination", "127.0.0.1"}, {"destinationport", 70000}},
        json{{"protocol", "tcp"}, {"destination", "127.0.0.1"}, {"count", 1.5}},
        json{{"protocol", "carrier pigeon"}, {"destination", "127.0.0.1"}}}) {
    EXPECT_EQ(run("ping", parameters)["success"], false) << parameters;
  }
}

}  // namespace
}  // namespace mig_sandbox::test
