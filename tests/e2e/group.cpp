#include "e2e/group.h"

#include <gtest/gtest.h>

#include <csignal>

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;

std::string program() {
  return std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
}

}  // namespace

Group::Group(int members, const std::string& lease, const std::vector<std::string>& sandbox_arguments) {
  world.start_sandbox(sandbox_arguments);
  database = server.new_database();
  members_.resize(static_cast<std::size_t>(members));
  for (int i = 0; i < members; ++i) {
    auto& member = members_[static_cast<std::size_t>(i)];
    member.api = std::make_unique<TcpProxy>(world.port);
    member.store = std::make_unique<TcpProxy>(server.socket());
    configure(i, lease);
  }
  const auto made = type(0, {"store", "init"});
  EXPECT_EQ(made.status, 0) << made.output;
}

void Group::configure(int i, const std::string& lease) const {
  const auto& member = members_[static_cast<std::size_t>(i)];
  fs::create_directories(tree(i) / "runners");
  write_text(world.path(name(i) + ".migrc"), "[api]\nurl = http://127.0.0.1:" + std::to_string(member.api->port()) +
                                                 "/api/v1/\n[gpg]\nhome = " + keyring().home.string() +
                                                 "\nkeyid = " + keyring().fingerprint + "\n");
  write_text(world.path(name(i) + ".cfg"),
             "[runner]\ndirectory = " + tree(i).string() + "\ncheckdirectory = 1\nlease = " + lease +
                 "\nstore = \"postgresql://runner@127.0.0.1:" + std::to_string(member.store->port()) + "/" + database +
                 "\"\n[logging]\nmode = stdout\nlevel = debug\n[client]\nclientconfpath = " +
                 world.path(name(i) + ".migrc").string() + "\n");
}

void Group::job(const std::string& job_name, const std::string& entity) const {
  for (int i = 0; i < size(); ++i) {
    write_text(tree(i) / "runners" / job_name / "action.json", World::default_action());
    write_text(tree(i) / "runners" / job_name / "entity.cfg", "[configuration]\n" + entity);
  }
}

void Group::plugin(const std::string& plugin_name, const std::string& script) const {
  for (int i = 0; i < size(); ++i) {
    const auto file = tree(i) / "plugins" / plugin_name;
    write_text(file, "#!/bin/sh\n" + script + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
}

void Group::start(int i) {
  const std::vector<std::string> arguments{program(), "-c", world.path(name(i) + ".cfg")};
  members_[static_cast<std::size_t>(i)].process = std::make_unique<Process>(
      arguments, world.path(name(i) + ".log"), std::map<std::string, std::string>{{"TZ", "UTC"}});
}

int Group::stop(int i) {
  process(i).signal(SIGTERM);
  return process(i).wait().value_or(-1);
}

void Group::kill(int i) {
  process(i).signal(SIGKILL);
  process(i).wait();
}

Group::Command Group::type(int i, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program());
  arguments.insert(arguments.end(), {"-c", world.path(name(i) + ".cfg")});
  const auto output = world.path("command-" + std::to_string(++commands_));
  Process process(arguments, output);
  return {process.wait().value_or(-1), read_text(output)};
}

nlohmann::json Group::type_json(int i, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  return nlohmann::json::parse(type(i, std::move(arguments)).output);
}

}  // namespace mig_runner::test
