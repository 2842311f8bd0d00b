#pragma once

#include <istream>
#include <string>
#include <vector>

namespace mig_sandbox {

struct DpkgPackage {
  std::string name;  // as dpkg tells it: with ":ARCH" where several architectures may be installed at once
  std::string version;
  std::string architecture;
};

// The installed packages of a dpkg status database, in its order. What only left its configuration is not installed.
std::vector<DpkgPackage> read_dpkg_status(std::istream& status);

}  // namespace mig_sandbox
