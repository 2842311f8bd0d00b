#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace mig_sandbox {

struct DemoJob {
  std::string name;
  std::string what;    // one line for people
  std::string entity;  // the text of entity.cfg
  std::string action;  // the text of action.json
  bool sendonly = false;
};

// What the jobs look for and where. `decoy` is a file whose content nobody else has.
struct DemoPlaces {
  std::filesystem::path decoy_directory;
  std::string decoy_sha256;
  int api_port = 0;
};

// Jobs that each run once, a second apart from `first` on, and are over 15 s later.
std::vector<DemoJob> demo_jobs(std::chrono::sys_seconds first, const DemoPlaces& places);

// The plugin that the jobs name: an executable's text.
std::string demo_plugin();
extern const char* const kDemoPluginName;

}  // namespace mig_sandbox
