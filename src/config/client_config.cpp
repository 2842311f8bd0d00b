#include "config/client_config.h"

#include <cstdlib>

#include "base/hex.h"
#include "config/bind.h"
#include "config/runner_config.h"

namespace mig_runner::config {
namespace {

bool is_fingerprint(const std::string& text) {
  return text.size() == 40 && is_hex(text);
}

void bind_url(Binder& binder, ClientConfig& config) {
  binder.text("api", "url", config.api_url);
  const auto* setting = binder.last("api", "url");
  if (setting == nullptr) return;
  const auto scheme_end = config.api_url.find("://");
  const auto scheme = config.api_url.substr(0, scheme_end);
  const bool known_scheme = Binder::same(scheme, "http") || Binder::same(scheme, "https");
  const bool host = scheme_end != std::string::npos && config.api_url.size() > scheme_end + 3 &&
                    config.api_url[scheme_end + 3] != '/';
  const bool strange = config.api_url.find_first_of(" \t\n\"?#") != std::string::npos;
  if (!known_scheme || !host || strange)
    binder.problem(*setting, "it is not an address like https://mig.example.net/api/v1/");
  else if (!config.api_url.ends_with('/'))
    config.api_url += '/';
}

void bind_gpg(Binder& binder, ClientConfig& config) {
  std::string home;
  binder.text("gpg", "home", home);
  config.gpg_home = home;
  if (home.empty()) {
    const char* gnupg_home = std::getenv("GNUPGHOME");
    const auto user_home = client_config_path("default").parent_path();
    config.gpg_home =
        gnupg_home != nullptr && *gnupg_home != '\0' ? std::filesystem::path(gnupg_home) : user_home / ".gnupg";
  }
  binder.text("gpg", "keyid", config.keyid);
  if (const auto* setting = binder.last("gpg", "keyid"); setting != nullptr && !is_fingerprint(config.keyid))
    binder.problem(
        *setting,
        "it is not a fingerprint of 40 hex digits (gpg --list-secret-keys --with-colons shows it behind \"fpr\")");
  for (auto& c : config.keyid)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  std::string unused;
  binder.text("gpg", "keyserver", unused);
  binder.text("gpg", "useapikeyauth", config.useapikeyauth);
  if (config.useapikeyauth.find_first_of("\r\n") != std::string::npos)
    binder.problem(*binder.last("gpg", "useapikeyauth"), "an API key cannot hold line breaks");
}

void bind_macros(Binder& binder, ClientConfig& config) {
  for (const auto* setting : binder.settings("targets", "macro")) {
    const auto colon = setting->value.find(':');
    if (setting->blank || colon == std::string::npos || colon == 0) {
      // The original reads on; such a macro has never replaced anything.
      binder.problem(*setting, "it is not name:expression and is passed over", setting->blank);
      continue;
    }
    config.macros[setting->value.substr(0, colon)] = setting->value.substr(colon + 1);
  }
}

}  // namespace

ClientConfig bind_client_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known) {
  ClientConfig config;
  Binder binder(text, file, problems);
  const bool readable = binder.readable();
  bind_url(binder, config);
  binder.boolean("api", "skipverifycert", config.skipverifycert);
  bind_gpg(binder, config);
  bind_macros(binder, config);
  if (readable && config.api_url.empty())
    binder.problem("there is no address: [api] needs url = \"https://mig.example.net/api/v1/\" or the like");
  if (readable && config.keyid.empty())
    binder.problem("there is no signing key: [gpg] needs keyid, the key's fingerprint of 40 hex digits");
  binder.finish(known);
  return config;
}

}  // namespace mig_runner::config
