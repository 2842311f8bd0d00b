#include "sandbox/agent/dpkg_status.h"

#include <algorithm>
#include <string_view>

namespace mig_sandbox {

namespace {

struct Paragraph {
  DpkgPackage package;
  std::string status;
  bool multi_arch_same = false;
};

void take_field(const std::string& line, Paragraph& paragraph) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || line.starts_with(' ')) return;
  const std::string_view name(line.data(), colon);
  const std::size_t start = line.find_first_not_of(" \t", colon + 1);
  const std::string value = start == std::string::npos ? "" : line.substr(start);
  if (name == "Package") paragraph.package.name = value;
  if (name == "Version") paragraph.package.version = value;
  if (name == "Architecture") paragraph.package.architecture = value;
  if (name == "Status") paragraph.status = value;
  if (name == "Multi-Arch") paragraph.multi_arch_same = value == "same";
}

}  // namespace

std::vector<DpkgPackage> read_dpkg_status(std::istream& status) {
  std::vector<Paragraph> installed;
  Paragraph current;
  const auto finish = [&] {
    if (!current.package.name.empty() && current.status.ends_with(" installed"))
      installed.push_back(std::move(current));
    current = {};
  };
  for (std::string line; std::getline(status, line);) {
    if (line.empty()) {
      finish();
    } else {
      take_field(line, current);
    }
  }
  finish();

  // dpkg itself is always of the machine's own architecture.
  const auto dpkg = std::find_if(installed.begin(), installed.end(), [](auto& p) { return p.package.name == "dpkg"; });
  const std::string native = dpkg == installed.end() ? "" : dpkg->package.architecture;
  std::vector<DpkgPackage> packages;
  for (Paragraph& paragraph : installed) {
    DpkgPackage& package = paragraph.package;
    const bool foreign = !native.empty() && package.architecture != native && package.architecture != "all";
    if (paragraph.multi_arch_same || foreign) package.name += ':' + package.architecture;
    packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace mig_sandbox
