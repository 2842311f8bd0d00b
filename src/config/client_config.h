#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace mig_runner::config {

// The client configuration (.migrc) that the runner shares with MIG's other clients.
struct ClientConfig {
  std::string api_url;  // ends in '/'
  bool skipverifycert = false;
  std::filesystem::path gpg_home;             // empty in the file: GNUPGHOME, else ~/.gnupg
  std::string keyid;                          // 40 hex digits, upper case
  std::string useapikeyauth;                  // secret; empty: signed tokens
  std::map<std::string, std::string> macros;  // name -> target expression; the last of one name wins
};

}  // namespace mig_runner::config
