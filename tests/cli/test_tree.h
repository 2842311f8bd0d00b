#pragma once

#include <filesystem>
#include <string>

#include "sign/gpg_home.h"
#include "support/scratch_directory.h"

namespace mig_runner::cli {

// A keyring with one key that passphrase "correct horse" unlocks; made once a test program.
struct TestKey {
  std::filesystem::path home;
  std::string fingerprint;
};

inline const TestKey& test_key() {
  struct Owner {
    test::ScratchDirectory home;
    TestKey key;
    Owner() {
      const test::GpgHome gpg;
      key = {home.path(), gpg.make_key("rsa2048", "correct horse")};
      gpg.export_secring(home.path(), "correct horse");
    }
  };
  static const Owner owner;
  return owner.key;
}

inline constexpr const char* kRightAction = R"({
  "name": "Who has patched?",
  "target": "status='online' AND tags#>>'{operator}'='opsec'",
  "operations": [
    {
      "module": "pkg",
      "parameters": {"pkgmatch": ["^linux-image"]}
    }
  ]
}
)";

// A configuration and jobs without anything wrong, to be spoilt.
class TestTree {
 public:
  TestTree() {
    write("runner.cfg", runner_cfg());
    write("migrc", client_cfg());
    write("passphrase", "correct horse\n");
    restrict("passphrase");
    job("patchlevel", "schedule = \"0 9 * * mon-fri\"\nplugin = report\n");
    plugin("report", "#!/bin/sh\ncat > /dev/null\n");
  }

  std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
  std::string config() const { return path("runner.cfg"); }
  void write(const std::string& name, const std::string& text) const { test::write_text(path(name), text); }

  std::string runner_cfg(const std::string& runner = "", const std::string& rest = "") const {
    return "[runner]\ndirectory = \"" + directory_.path().string() + "\"\ntimezone = Europe/Berlin\n" + runner +
           "[client]\nclientconfpath = \"" + path("migrc").string() + "\"\npassphrasefile = \"" +
           path("passphrase").string() + "\"\n" + rest;
  }
  std::string client_cfg(const std::string& api = "url = \"https://mig.example.net/api/v1/\"\n",
                         const std::string& rest = "") const {
    return "[api]\n" + api + "[gpg]\nhome = \"" + test_key().home.string() + "\"\nkeyid = " + test_key().fingerprint +
           "\n" + rest;
  }

  void job(const std::string& name, const std::string& settings, const std::string& action = kRightAction) const {
    write("runners/" + name + "/entity.cfg", "[configuration]\n" + settings);
    write("runners/" + name + "/action.json", action);
  }
  void plugin(const std::string& name, const std::string& text) const {
    write("plugins/" + name, text);
    permit("plugins/" + name, 0755);
  }
  void permit(const std::string& name, unsigned mode) const {
    std::filesystem::permissions(path(name), std::filesystem::perms(mode));
  }
  void restrict(const std::string& name) const { permit(name, 0600); }

  // `text` with the tree's own path as TREE.
  std::string without_path(std::string text) const {
    const auto own = directory_.path().string();
    for (auto at = text.find(own); at != std::string::npos; at = text.find(own, at))
      text.replace(at, own.size(), "TREE");
    return text;
  }

 private:
  test::ScratchDirectory directory_;
};

}  // namespace mig_runner::cli
