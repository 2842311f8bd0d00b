#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "e2e/process.h"
#include "e2e/world.h"
#include "support/postgresql_server.h"
#include "support/tcp_proxy.h"

namespace mig_runner::test {

// Runners, each with a tree of its own, that share a sandbox and a PostgreSQL. Each reaches both over its own proxies,
// which a test may disturb.
class Group {
 public:
  Group(int members, const std::string& lease, const std::vector<std::string>& sandbox_arguments = {});

  // On all members.
  void job(const std::string& name, const std::string& entity) const;
  void plugin(const std::string& name, const std::string& script) const;

  void start(int i);
  // SIGTERM; the exit status.
  int stop(int i);
  // SIGKILL, and its end.
  void kill(int i);
  Process& process(int i) { return *members_[static_cast<std::size_t>(i)].process; }
  TcpProxy& api(int i) { return *members_[static_cast<std::size_t>(i)].api; }
  TcpProxy& store(int i) { return *members_[static_cast<std::size_t>(i)].store; }
  std::filesystem::path tree(int i) const { return world.path(name(i)); }
  std::string log(int i) const { return read_text(world.path(name(i) + ".log")); }
  int size() const { return static_cast<int>(members_.size()); }

  // A command with the configuration of a member.
  struct Command {
    int status = -1;
    std::string output;
  };
  Command type(int i, std::vector<std::string> arguments);
  nlohmann::json type_json(int i, std::vector<std::string> arguments);

  std::string uri() const { return server.uri(database); }

  World world;  // its own tree is not used
  PostgresqlServer server;
  std::string database;

 private:
  struct Member {
    std::unique_ptr<TcpProxy> api, store;
    std::unique_ptr<Process> process;
  };
  static std::string name(int i) { return "member-" + std::to_string(i); }
  void configure(int i, const std::string& lease) const;

  std::vector<Member> members_;
  int commands_ = 0;
};

}  // namespace mig_runner::test
