#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/scratch_directory.h"
#include "support/shell.h"

namespace mig_runner::test {

// A GnuPG 2 home of its own, whose agent is gone when the test ends.
class GpgHome {
 public:
  GpgHome() {
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
    write_text(path() / "gpg-agent.conf", "s2k-count 65536\n");  // the default takes half a second each time
  }
  ~GpgHome() { end_agent(); }
  GpgHome(const GpgHome&) = delete;
  GpgHome& operator=(const GpgHome&) = delete;

  const std::filesystem::path& path() const { return directory_.path(); }

  // Runs gpg; returns what it wrote to standard output. Throws where it fails.
  std::string gpg(const std::string& arguments) const {
    return shell("gpg --homedir '" + path().string() + "' --batch --yes --quiet --pinentry-mode loopback " + arguments);
  }

  // Makes a primary key that can sign and certify; returns its fingerprint.
  std::string make_key(const std::string& kind = "rsa2048", const std::string& passphrase = "",
                       const std::string& usage = "sign", const std::string& expiry = "never") const {
    const auto before = fingerprints();
    gpg("--passphrase '" + passphrase + "' --quick-gen-key 'u" + std::to_string(before.size()) + " <u@localhost>' " +
        kind + " " + usage + " " + expiry);
    return fingerprints().at(before.size());
  }

  std::string add_subkey(const std::string& primary, const std::string& kind = "rsa2048",
                         const std::string& passphrase = "", const std::string& usage = "sign",
                         const std::string& expiry = "never") const {
    gpg("--passphrase '" + passphrase + "' --quick-add-key " + primary + " " + kind + " " + usage + " " + expiry);
    return fingerprints("ssb", primary).back();
  }

  // Of the secret keys, primary ones ("sec") or subkeys ("ssb"), in the order in which they were made.
  std::vector<std::string> fingerprints(const std::string& kind = "sec", const std::string& of = "") const {
    std::istringstream lines(gpg("--with-colons --list-secret-keys " + of + " 2>/dev/null || true"));
    std::vector<std::string> found;
    bool wanted = false;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("sec:") || line.starts_with("ssb:")) wanted = line.starts_with(kind);
      if (wanted && line.starts_with("fpr:")) found.push_back(line.substr(12, 40));
    }
    return found;
  }

  void set_passphrase(const std::string& fingerprint, const std::string& from, const std::string& to) const {
    shell("gpg-connect-agent --homedir '" + path().string() + "' '/let from " + from + "' '/let to " + to +
          "' '/definq PASSPHRASE from' '/definq NEW_PASSPHRASE to' 'OPTION pinentry-mode=loopback' 'PASSWD " +
          keygrip(fingerprint) + "' /bye 2>&1");
    end_agent();
  }

  void revoke_subkey(const std::string& primary, const std::string& passphrase = "") const {
    write_text(path() / "commands", "key 1\nrevkey\ny\n0\n\ny\nsave\n");
    gpg("--passphrase '" + passphrase + "' --command-file " + (path() / "commands").string() + " --edit-key " +
        primary + " 2>/dev/null");
  }

  // It forgets all passphrases.
  void end_agent() const { shell("gpgconf --homedir '" + path().string() + "' --kill all"); }
  bool has_agent() const {
    return !shell("gpg-connect-agent --homedir '" + path().string() + "' --no-autostart 'GETINFO pid' /bye 2>/dev/null")
                .empty();
  }

  // A GnuPG 1 home with the same keys, as an operator of the original makes it.
  void export_secring(const std::filesystem::path& to, const std::string& passphrase = "",
                      const std::string& command = "--export-secret-keys") const {
    write_text(to / "secring.gpg", gpg("--passphrase '" + passphrase + "' " + command));
  }

 private:
  std::string keygrip(const std::string& fingerprint) const {
    const auto list = gpg("--with-colons --with-keygrip --list-secret-keys " + fingerprint);
    return list.substr(list.find("\ngrp:", list.find(fingerprint)) + 13, 40);
  }

  static std::string shell(const std::string& command) {
    auto output = test::shell(command);
    if (output.status != 0) throw std::runtime_error(command + ": " + std::to_string(output.status));
    return std::move(output.text);
  }

  ScratchDirectory directory_;
};

}  // namespace mig_runner::test
