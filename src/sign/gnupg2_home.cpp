#include "sign/gnupg2_home.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "base/file.h"
#include "sign/gpg_process.h"

namespace mig_runner::sign {
namespace {

constexpr std::size_t kMaxPassphrase = 4096;
constexpr std::chrono::milliseconds kAgentLimit = std::chrono::seconds(5);  // it only says who it is

Result<GpgOutput> gpg(const std::filesystem::path& home, std::vector<std::string> arguments,
                      std::string_view input = {}) {
  arguments.insert(arguments.begin(), {"--no-options", "--batch", "--no-tty", "--quiet", "--output", "-"});
  return run_gpg("gpg", home, arguments, input);
}

bool says(const GpgOutput& output, std::string_view words) {
  return output.err.find(words) != std::string::npos;
}

// Lines that only follow from an earlier one, or have nothing to do with it.
bool is_reason(const std::string& line) {
  for (const std::string_view other : {"WARNING: ", "Note: ", "keydb_search failed", "error reading key"})
    if (line.starts_with(other)) return false;
  return !line.empty();
}

std::string reason(const GpgOutput& output) {
  std::istringstream lines(output.err);
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("gpg: ")) line.erase(0, 5);
    if (is_reason(line)) all += (all.empty() ? "" : "; ") + line;
  }
  return all.empty() ? "it says \"" + output.err + "\"" : all;
}

// Advice that gpg does not give by itself.
std::string advice(const GpgOutput& output, const std::filesystem::path& home) {
  constexpr std::string_view kSocket = "/S.gpg-agent";
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1 - kSocket.size();
  if (says(output, "pinentry mode 'loopback'"))
    return " (take no-allow-loopback-pinentry out of the gpg-agent.conf of this directory)";
  if (says(output, "agent") && home.string().size() > kLongest)
    return " (the directory's path has " + std::to_string(home.string().size()) + " bytes: with more than " +
           std::to_string(kLongest) + " the agent may find no room for its socket)";
  return "";
}

tl::unexpected<Error> not_given_out(const GpgOutput& output, const std::filesystem::path& home) {
  return fail("gpg does not give the private key out: " + reason(output) + advice(output, home));
}

struct ListedKey {
  std::string fingerprint;
  bool is_primary = false;
  bool has_secret_part = false;
};

// doc/DETAILS of GnuPG: a "sec" or "ssb" line begins a key, and the "fpr" line that follows has the fingerprint in
// field
// 10. Field 15 is "+" where the secret part is there, "#" where it is not, or a card's number.
std::vector<ListedKey> read_list(const std::string& text) {
  std::vector<ListedKey> keys;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields(1);
    for (const char c : line) c == ':' ? void(fields.emplace_back()) : fields.back().push_back(c);
    fields.resize(std::max<std::size_t>(fields.size(), 15));
    const bool is_primary = fields[0] == "sec";
    if (is_primary || fields[0] == "ssb") keys.push_back({"", is_primary, fields[14] == "+"});
    if (fields[0] == "fpr" && !keys.empty() && keys.back().fingerprint.empty()) keys.back().fingerprint = fields[9];
  }
  return keys;
}

}  // namespace

bool GnuPg2Home::gpg_is_installed() {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');)
    if (access((std::filesystem::path(directory) / "gpg").c_str(), X_OK) == 0) return true;
  return false;
}

GnuPg2Home::GnuPg2Home(std::filesystem::path path) : path_(std::move(path)) {
  const auto pid = agent_pid();
  agent_was_running_ = !pid || !pid->empty();  // where nothing can be told, nothing is ended
}

// SIGTERM lets the agent finish what others asked of it. Whoever asks next shall not meet one that is about to end.
GnuPg2Home::~GnuPg2Home() {
  constexpr int kPatienceMs = 1000;
  if (agent_was_running_) return;
  const auto pid = agent_pid();
  if (!pid || pid->empty()) return;
  const int process = std::atoi(pid->c_str());
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  kill(process, SIGTERM);
  pollfd ended{handle.get(), POLLIN, 0};
  if (handle) poll(&ended, 1, kPatienceMs);
}

// Decimal digits; empty where no agent runs for this home.
Result<std::string> GnuPg2Home::agent_pid() const {
  const auto output = run_gpg("gpg-connect-agent", path_, {"--no-autostart", "GETINFO pid", "/bye"}, {}, kAgentLimit);
  if (!output) return tl::unexpected(output.error());
  if (!output->out.starts_with("D ")) return std::string();
  const auto digits = output->out.substr(2, output->out.find_first_not_of("0123456789", 2) - 2);
  return digits;
}

Result<std::string> GnuPg2Home::public_part(const std::string& fingerprint) const {
  auto output = gpg(path_, {"--export", fingerprint});
  if (!output) return tl::unexpected(output.error());
  if (output->out.empty() && !says(*output, "nothing exported")) return not_given_out(*output, path_);
  return std::move(output->out);
}

Result<std::optional<GnuPg2Home::Key>> GnuPg2Home::find(const std::string& fingerprint) const {
  auto public_key = public_part(fingerprint);
  if (!public_key) return tl::unexpected(public_key.error());
  if (public_key->empty()) return std::nullopt;
  const auto list = gpg(path_, {"--pinentry-mode", "loopback", "--with-colons", "--list-secret-keys", fingerprint});
  if (!list) return tl::unexpected(list.error());
  const auto keys = read_list(list->out);
  if (keys.empty() && says(*list, "No secret key")) return std::nullopt;
  if (keys.empty()) return not_given_out(*list, path_);
  Key key{std::move(*public_key), {}};
  for (const auto& listed : keys)
    if (listed.has_secret_part) key.secret_parts.insert(listed.fingerprint);
  return key;
}

// With an exclamation mark gpg takes this key alone, and asks for no other's passphrase.
Result<Secret> GnuPg2Home::secret_key(const std::string& fingerprint, bool is_subkey, const Secret& passphrase) const {
  if (passphrase.reveal().size() >= kMaxPassphrase) return fail("the passphrase is longer than 4,095 bytes");
  const Secret input(passphrase.reveal() + "\n");
  auto output = gpg(path_,
                    {"--pinentry-mode", "loopback", "--passphrase-fd", "0",
                     is_subkey ? "--export-secret-subkeys" : "--export-secret-keys", fingerprint + "!"},
                    input.reveal());
  if (!output) return tl::unexpected(output.error());
  if (says(*output, "Bad passphrase") || says(*output, "No passphrase given"))
    return fail(passphrase.empty() ? "the private key needs a passphrase, and none is given" : "wrong passphrase");
  if (output->out.empty()) return not_given_out(*output, path_);
  return Secret(std::move(output->out));
}

std::vector<std::string> GnuPg2Home::fingerprints() const {
  const auto output = gpg(path_, {"--with-colons", "--list-secret-keys"});
  std::vector<std::string> found;
  if (!output) return found;
  for (const auto& key : read_list(output->out))
    if (key.is_primary) found.push_back(key.fingerprint);
  return found;
}

}  // namespace mig_runner::sign
