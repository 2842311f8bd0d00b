#pragma once

#include "e2e/world.h"

namespace mig_runner::test {

// A keyring whose only key has a passphrase; a sandbox that knows the key.
struct LockedWorld : World {
  explicit LockedWorld(const std::string& passphrase) {
    const auto home = path("locked");
    std::filesystem::create_directories(home);
    std::filesystem::permissions(home, std::filesystem::perms::owner_all);
    run_command({"gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase",
                 passphrase, "--quick-generate-key", "locked@example.net", "rsa2048", "sign", "never"});
    const auto list = run_command({"gpg", "--homedir", home, "--batch", "--with-colons", "--list-keys"});
    const auto end = list.find(":\n", list.find("\nfpr:"));
    run_command({"gpg", "--homedir", home, "--batch", "--armor", "--output", path("locked.asc"), "--export"});
    run_command({"gpgconf", "--homedir", home, "--kill", "all"});
    gpg_settings = "home = " + home.string() + "\nkeyid = " + list.substr(end - 40, 40) + "\n";
    start_sandbox({"--public-key", path("locked.asc")});
  }
  ~LockedWorld() { run_command({"gpgconf", "--homedir", path("locked"), "--kill", "all"}); }
};

}  // namespace mig_runner::test
