#include "e2e/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;

// Lives as long as the test program; its gpg-agent ends with it.
struct KeyringOwner {
  ScratchDirectory directory;
  Keyring keyring;

  KeyringOwner() {
    keyring.home = directory.path() / "gnupg";
    fs::create_directories(keyring.home);
    fs::permissions(keyring.home, fs::perms::owner_all);
    const std::map<std::string, std::string> environment = {{"GNUPGHOME", keyring.home}};
    run_command({"gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.net", "rsa2048",
                 "sign", "never"},
                environment);
    const auto list = run_command({"gpg", "--batch", "--with-colons", "--list-keys"}, environment);
    const auto line = list.find("\nfpr:");
    const auto end = list.find(":\n", line);
    keyring.fingerprint = list.substr(end - 40, 40);
    keyring.public_key = directory.path() / "public.asc";
    run_command({"gpg", "--batch", "--armor", "--output", keyring.public_key, "--export"}, environment);
    run_command({"gpg", "--batch", "--output", keyring.home / "secring.gpg", "--export-secret-keys"}, environment);
    run_command({"gpgconf", "--homedir", keyring.home, "--kill", "all"});
    fs::remove_all(keyring.home / "private-keys-v1.d");  // a home of GnuPG 1, which is read without gpg
  }
};

std::string binary(const std::string& name) {
  return std::string(MIG_BINARY_DIR) + "/" + name;
}

}  // namespace

const Keyring& keyring() {
  static const KeyringOwner owner;
  return owner.keyring;
}

World::World() {
  fs::create_directories(path("tree/runners"));
}

World::~World() {
  runner.reset();
  sandbox.reset();
  // Of a program that was killed nobody sees an exit status.
  for (const auto* log : {"runner.log", "sandbox.log"})
    for (const auto* report : {"Sanitizer: ", "runtime error: "})
      EXPECT_EQ(file(log).find(report), std::string::npos) << file(log);
}

void World::start_sandbox(const std::vector<std::string>& arguments) {
  const auto port_file = path("port");
  const bool again = port != 0;
  fs::remove(port_file);
  std::vector<std::string> all = {binary("sandbox/mig-sandbox"),
                                  "serve",
                                  "--listen",
                                  "127.0.0.1:" + std::to_string(again ? port : 0),
                                  "--port-file",
                                  port_file,
                                  "--public-key",
                                  keyring().public_key};
  all.insert(all.end(), arguments.begin(), arguments.end());
  sandbox = std::make_unique<Process>(all, path("sandbox.log"));
  ASSERT_TRUE(eventually([&] { return !read_text(port_file).empty() || !sandbox->running(); })) << sandbox->output();
  ASSERT_TRUE(sandbox->running()) << sandbox->output();
  port = std::stoi(read_text(port_file));
}

void World::stop_sandbox() {
  sandbox->signal(SIGTERM);
  sandbox->wait();
}

void World::write_configuration() const {
  write_text(path("runner.cfg"), "[runner]\ndirectory = " + path("tree").string() + "\ncheckdirectory = 1\n" +
                                     runner_settings + "[logging]\n" + logging_settings +
                                     "[client]\nclientconfpath = " + path("migrc").string() + "\n" + client_settings);
  write_text(path("migrc"), "[api]\nurl = " + scheme + "://localhost:" + std::to_string(port) + "/api/v1/\n" +
                                api_settings + "[gpg]\nhome = " + keyring().home.string() +
                                "\nkeyid = " + keyring().fingerprint + "\n" + gpg_settings + other_client_sections);
}

void World::start_runner(const std::map<std::string, std::string>& environment) {
  write_configuration();
  auto with_zone = environment;
  with_zone.emplace("TZ", "UTC");
  runner = std::make_unique<Process>(std::vector<std::string>{binary("src/cli/mig-runner"), "-c", path("runner.cfg")},
                                     path("runner.log"), with_zone);
}

int World::stop_runner() {
  runner->signal(SIGTERM);
  return runner->wait().value_or(-1);
}

void World::kill_runner() {
  runner->signal(SIGKILL);
  runner->wait();
}

std::string World::default_action() {
  return R"({"name":"x","target":"status='online'","operations":[{"module":"pkg","parameters":)"
         R"({"pkgmatch":{"matches":["^base-files$"]}}}]})";
}

void World::job(const std::string& name, const std::string& entity, const std::string& action) const {
  write_text(path("tree/runners/" + name + "/action.json"), action);
  write_text(path("tree/runners/" + name + "/entity.cfg"), "[configuration]\n" + entity);
}

void World::plugin(const std::string& name, const std::string& script) const {
  const auto file = path("tree/plugins/" + name);
  write_text(file, "#!/bin/sh\n" + script + "\n");
  fs::permissions(file, fs::perms::owner_all);
}

std::vector<nlohmann::json> World::results(const std::string& job) const {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(path("tree/runners/" + job + "/results"), none))
    if (entry.is_regular_file() && entry.path().extension() == ".json" &&
        !entry.path().filename().string().starts_with("."))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<nlohmann::json> documents;
  documents.reserve(files.size());
  for (const auto& file : files) documents.push_back(nlohmann::json::parse(read_text(file)));
  return documents;
}

int World::log_count(const std::string& text) const {
  const auto all = log();
  int found = 0;
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++found;
  return found;
}

nlohmann::json World::posts() const {
  return nlohmann::json::parse(
      run_command({"curl", "-sk", scheme + "://localhost:" + std::to_string(port) + "/sandbox/posts"}));
}

void World::add_fault(const std::string& fault) const {
  run_command({"curl", "-sk", "-d", fault, scheme + "://localhost:" + std::to_string(port) + "/sandbox/faults"});
}

void World::clear_faults() const {
  run_command({"curl", "-sk", "-X", "DELETE", scheme + "://localhost:" + std::to_string(port) + "/sandbox/faults"});
}

int World::fault_hits() const {
  int hits = 0;
  const auto url = scheme + "://localhost:" + std::to_string(port) + "/sandbox/faults";
  const auto answer = nlohmann::json::parse(run_command({"curl", "-sk", url}));
  for (const auto& fault : answer.at("faults")) hits += fault.at("hits").get<int>();
  return hits;
}

int World::posts_of(const std::string& job) const {
  int found = 0;
  for (const auto& post : posts()) found += post.at("name") == "mig-runner: " + job ? 1 : 0;
  return found;
}

}  // namespace mig_runner::test
