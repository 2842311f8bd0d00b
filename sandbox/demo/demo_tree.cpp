#include "sandbox/demo/demo_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "sandbox/demo/child.h"

namespace mig_sandbox {

using mig_runner::fail;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kInvestigator = "Demo Investigator <investigator@example.net>";
// Its SHA-256 is kDecoySha256; nothing but the demo makes this file.
constexpr std::string_view kDecoyText = "A harmless stand-in for a known-bad program.\n";
constexpr std::string_view kDecoySha256 = "7d6ba648b65c3b722ab12cf22041c277e2dd679c74d82fea377d9d1f760c3238";

Result<void> write_file(const fs::path& path, std::string_view text, fs::perms mode = fs::perms(0644)) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail("cannot be written", path.string());
  fs::permissions(path, mode, error);
  if (error) return fail("cannot be given its mode: " + error.message(), path.string());
  return {};
}

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string random_passphrase() {
  std::random_device device;
  std::string text;
  for (int i = 0; i < 4; ++i) text += fmt::format("{:08x}", device());
  return text;
}

// The first fingerprint in gpg's --with-colons listing.
std::string first_fingerprint(const std::string& listing) {
  const std::size_t line = listing.find("\nfpr:");
  const std::size_t end = listing.find(":\n", line);
  return line == std::string::npos || end == std::string::npos || end < 40 ? "" : listing.substr(end - 40, 40);
}

}  // namespace

Result<DemoTree> DemoTree::create(const fs::path& directory) {
  std::error_code error;
  if (directory.empty()) {
    std::string name = (fs::temp_directory_path() / "mig-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return mig_runner::fail_errno("a temporary directory cannot be made", name);
    return DemoTree(name);
  }
  const fs::path root = fs::absolute(directory).lexically_normal();
  fs::create_directories(root, error);
  if (error) return fail("cannot be made: " + error.message(), root.string());
  if (!fs::is_empty(root, error) || error)
    return fail("is not empty; the demo wants a directory of its own", root.string());
  // gpg-agent puts sockets into the key's directory, and a socket's path has at most 107 characters.
  constexpr std::size_t kLongest = 107 - std::string_view("/gnupg/S.gpg-agent.browser").size();
  if (root.string().size() > kLongest) {
    return fail(fmt::format("is too long a path for gpg-agent's sockets, at most {} characters will do", kLongest),
                root.string());
  }
  return DemoTree(root);
}

Result<void> DemoTree::run_gpg(const std::vector<std::string>& arguments, const fs::path& output) const {
  std::vector<std::string> command = {
      "gpg",      "--homedir",         (root_ / "gnupg").string(),     "--batch", "--yes", "--pinentry-mode",
      "loopback", "--passphrase-file", (root_ / "passphrase").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Child gpg(command, output);
  if (gpg.wait(std::chrono::seconds(30)) == 0) return {};
  return fail("gpg failed, its words are there", output.string());
}

Result<void> DemoTree::make_key() {
  const fs::path home = root_ / "gnupg";
  std::error_code error;
  fs::create_directories(home, error);
  fs::permissions(home, fs::perms::owner_all, error);
  if (error) return fail("cannot be made: " + error.message(), home.string());
  const auto owner_only = fs::perms::owner_read | fs::perms::owner_write;
  if (auto written = write_file(root_ / "passphrase", random_passphrase() + "\n", owner_only); !written) return written;
  const fs::path log = root_ / "gpg.log";
  const fs::path listing = root_ / "gpg-keys.txt";
  auto done = run_gpg({"--quick-generate-key", std::string(kInvestigator), "rsa2048", "sign", "never"}, log);
  if (done) done = run_gpg({"--armor", "--output", public_key().string(), "--export"}, log);
  if (done) done = run_gpg({"--with-colons", "--list-keys"}, listing);
  stop_gpg_agent();
  if (!done) return done;
  fingerprint_ = first_fingerprint(read_file(listing));
  if (fingerprint_.empty()) return fail("gpg lists no key", listing.string());
  return {};
}

void DemoTree::stop_gpg_agent() const {
  Child gpgconf({"gpgconf", "--homedir", (root_ / "gnupg").string(), "--kill", "gpg-agent"}, root_ / "gpg.log");
  gpgconf.wait(std::chrono::seconds(5));
}

Result<void> DemoTree::write_configuration(int api_port) const {
  const std::string runner = fmt::format(
      "; The runner's own configuration: mig-runner -c THIS FILE\n"
      "[runner]\n"
      "directory = \"{0}\"\n"
      "checkdirectory = 5\n"
      "timezone = UTC\n"
      "\n"
      "[logging]\n"
      "mode = stdout\n"
      "level = info\n"
      "\n"
      "[client]\n"
      "clientconfpath = \"{1}\"\n"
      "passphrasefile = \"{2}\"\n"
      "delayresults = 1s\n",
      runner_directory().string(), (root_ / "client.cfg").string(), (root_ / "passphrase").string());
  const std::string client = fmt::format(
      "; What MIG's clients share: where the API is and which key signs\n"
      "[api]\n"
      "url = \"http://127.0.0.1:{0}/api/v1/\"\n"
      "\n"
      "[gpg]\n"
      "home = \"{1}\"\n"
      "keyid = {2}\n"
      "\n"
      "[targets]\n"
      "macro = \"everybody:status='online'\"\n",
      api_port, (root_ / "gnupg").string(), fingerprint_);
  std::error_code error;
  fs::create_directories(runner_directory() / "runners", error);
  if (error) return fail("cannot be made: " + error.message(), runner_directory().string());
  if (auto written = write_file(runner_configuration(), runner); !written) return written;
  return write_file(root_ / "client.cfg", client);
}

Result<void> DemoTree::write_plugin() const {
  return write_file(runner_directory() / "plugins" / kDemoPluginName, demo_plugin(), fs::perms(0755));
}

Result<void> DemoTree::add_job(const DemoJob& job) const {
  const fs::path draft = root_ / "draft";
  if (auto written = write_file(draft / "entity.cfg", job.entity); !written) return written;
  if (auto written = write_file(draft / "action.json", job.action); !written) return written;
  std::error_code error;
  fs::rename(draft, runner_directory() / "runners" / job.name, error);
  if (error) return fail("cannot be moved into place: " + error.message(), draft.string());
  return {};
}

Result<DemoPlaces> DemoTree::plant_decoy(int api_port) const {
  const fs::path directory = root_ / "decoy";
  if (auto written = write_file(directory / "updater.bin", kDecoyText); !written)
    return tl::unexpected(written.error());
  return DemoPlaces{directory, std::string(kDecoySha256), api_port};
}

}  // namespace mig_sandbox
