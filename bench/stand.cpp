#include "bench/stand.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"
#include "bench/http.h"
#include "mig/action.h"

namespace mig_bench {
namespace {

namespace fs = std::filesystem;

std::string binary(const std::string& name) {
  return std::string(MIG_BINARY_DIR) + "/" + name;
}

struct InvestigatorOwner {
  Scratch scratch;
  Investigator investigator;

  InvestigatorOwner() {
    investigator.home = scratch.path() / "gnupg";
    const auto home = investigator.home.string();
    fs::create_directories(home);
    fs::permissions(home, fs::perms::owner_all);
    const auto log = scratch.path() / "gpg.log";
    const auto gpg = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"gpg", "--homedir", home, "--batch", "--quiet"});
      return arguments;
    };
    run(gpg({"--passphrase", "", "--quick-generate-key", "bench@example.net", "rsa2048", "sign", "never"}), log);
    const auto list = output_of(gpg({"--with-colons", "--list-keys"}));
    const auto end = list.find(":\n", list.find("\nfpr:"));
    investigator.fingerprint = list.substr(end - 40, 40);
    investigator.public_key = scratch.path() / "public.asc";
    run(gpg({"--armor", "--output", investigator.public_key, "--export"}), log);
    run(gpg({"--output", home + "/secring.gpg", "--export-secret-keys"}), log);
    run({"gpgconf", "--homedir", home, "--kill", "all"}, log);
    fs::remove_all(investigator.home / "private-keys-v1.d");  // a home of GnuPG 1, which is read without gpg
  }
};

}  // namespace

Scratch::Scratch() {
  std::string name = (fs::temp_directory_path() / "mig-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) give_up("no temporary directory");
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

const Investigator& investigator() {
  static const InvestigatorOwner owner;
  return owner.investigator;
}

std::unique_ptr<mig_runner::sign::Signer> make_signer() {
  static const auto key =
      mig_runner::sign::Key::load(investigator().home, investigator().fingerprint, mig_runner::sign::Secret(), now());
  if (!key) give_up(key.error().text());
  return key->make_signer().value();
}

Sandbox::Sandbox(const std::vector<std::string>& arguments) {
  const auto port_file = scratch_.path() / "port";
  std::vector<std::string> all{binary("sandbox/mig-sandbox"),
                               "serve",
                               "--listen",
                               "127.0.0.1:0",
                               "--port-file",
                               port_file,
                               "--public-key",
                               investigator().public_key,
                               "--api-key",
                               kApiKey,
                               "--no-local-agent"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto log = scratch_.path() / "sandbox.log";
  process_ = std::make_unique<Process>(all, log);
  wait_until("the sandbox", [&] {
    if (!process_->running()) give_up("the sandbox ended: " + read_text(log));
    return fs::exists(port_file);
  });
  port_ = std::stoi(read_text(port_file));
}

nlohmann::json Sandbox::get(const std::string& path) const {
  Browser browser;
  return nlohmann::json::parse(browser.get("http://127.0.0.1:" + std::to_string(port_) + path));
}

std::int64_t Sandbox::post(const std::string& document) const {
  Browser browser;
  const auto answer = nlohmann::json::parse(browser.post(url() + "action/create/", browser.form(document)));
  return answer["collection"]["items"][0]["data"][0]["value"]["id"];
}

nlohmann::json Sandbox::action(std::int64_t id) const {
  return get("/api/v1/action?actionid=" + std::to_string(id))["collection"]["items"][0]["data"][0]["value"];
}

Tree::Tree(int port, const std::string& settings) {
  fs::create_directories(path("tree/runners"));
  write_text(path("runner.cfg"), fmt::format("[runner]\ndirectory = {}\n{}\n[logging]\nmode = stdout\nlevel = info\n"
                                             "[client]\nclientconfpath = {}\n",
                                             path("tree").string(), settings, path("client.cfg").string()));
  write_text(path("client.cfg"), fmt::format("[api]\nurl = http://127.0.0.1:{}/api/v1/\n[gpg]\nhome = {}\nkeyid = {}\n",
                                             port, investigator().home.string(), investigator().fingerprint));
}

void Tree::job(const std::string& name, const std::string& entity, const std::string& action) const {
  write_text(path("tree/runners/" + name + "/action.json"), action);
  write_text(path("tree/runners/" + name + "/entity.cfg"), "[configuration]\n" + entity);
}

void Tree::plugin(const std::string& name, const std::string& script) const {
  const auto file = path("tree/plugins/" + name);
  write_text(file, "#!/bin/sh\n" + script + "\n");
  fs::permissions(file, fs::perms::owner_all);
}

std::vector<std::string> Tree::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all{binary("src/cli/mig-runner"), "-c", path("runner.cfg")};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

void Tree::start() {
  LogWatch following(log(), "Following ");
  const int before = following.count();
  runner_ = std::make_unique<Process>(command({}), log());
  wait_until("the runner", [&] {
    if (!runner_->running()) give_up("the runner ended: " + read_text(log()));
    return following.count() > before;
  });
}

std::string signed_action(const std::string& template_json, const std::string& job, mig_runner::Timestamp time,
                          std::chrono::seconds expiry, mig_runner::sign::Signer& signer) {
  auto action = mig_runner::mig::Action::parse(template_json);
  if (!action || !action->prepare("mig-runner: " + job, time - std::chrono::seconds(60), time + expiry))
    give_up("an action cannot be prepared");
  const auto signature = signer.sign(action->signed_text()).value();
  return action->document({&signature, 1});
}

mig_runner::Timestamp now() {
  return mig_runner::system_clock().now();
}

std::string once_at(mig_runner::Timestamp time) {
  return fmt::format("{:%S %M %H %d %m} * {:%Y}", std::chrono::floor<std::chrono::seconds>(time), time);
}

std::string small_action() {
  return R"({"name":"x","target":"status='online'","description":{"author":"Security","email":"security@example.net",)"
         R"("url":"https://wiki.example.net/mig","revision":201509021112},"threat":{"ref":"CVE-2026-1","level":"high",)"
         R"("family":"compliance","type":"system"},"operations":[{"module":"file","parameters":{"searches":{"s1":)"
         R"({"paths":["/etc"],"names":["^passwd$"],"options":{"maxdepth":2,"matchall":true,"returnsha256":true}}}}},)"
         R"({"module":"pkg","parameters":{"pkgmatch":{"matches":["^base-files$"]}}}]})";
}

// Its operations are repeated in each command, and each search has an answer of its own there.
std::string large_action() {
  std::string searches;
  for (const auto* name : {"sudoers"})
    searches += fmt::format(R"({}"{}":{{"paths":["/etc","/usr/local/etc"],"names":["^{}$"],"options":{{"maxdepth":4,)"
                            R"("matchall":true,"returnsha256":true,"matchlimit":1000}}}})",
                            searches.empty() ? "" : ",", name, name);
  return R"({"name":"x","target":"status='online'","description":{"author":"Security","email":"security@example.net"},)"
         R"("operations":[{"module":"file","parameters":{"searches":{)" +
         searches + R"(}}},{"module":"pkg","parameters":{"pkgmatch":{"matches":["^base-files$","^openssl$"]}}}]})";
}

}  // namespace mig_bench
