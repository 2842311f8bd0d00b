#include <algorithm>
#include <fstream>

#include "sandbox/agent/dpkg_status.h"
#include "sandbox/agent/module.h"
#include "sandbox/agent/parameters.h"
#include "sandbox/agent/pattern.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

struct PackageQuery {
  std::vector<Pattern> names;    // any of them
  std::vector<Pattern> version;  // none, or one that has to match, too

  bool matches(const DpkgPackage& package) const {
    const auto holds = [](const std::string& text) { return [&text](const Pattern& p) { return p.holds_for(text); }; };
    return std::any_of(names.begin(), names.end(), holds(package.name)) &&
           std::all_of(version.begin(), version.end(), holds(package.version));
  }
};

Result<PackageQuery> parse_query(const json& parameters) {
  if (const auto checked = check_object(parameters, "parameters"); !checked) return tl::unexpected(checked.error());
  const json& match = member(parameters, "pkgmatch");
  if (const auto checked = check_object(match, "pkgmatch"); !checked) return tl::unexpected(checked.error());
  const auto names = string_list(match, "matches");
  if (!names) return tl::unexpected(names.error());
  if (names->empty()) return fail("no package match was given, must have at least one in pkgmatch.matches");
  const auto version = string_value(parameters, "vermatch");
  if (!version) return tl::unexpected(version.error());
  PackageQuery query;
  for (const std::string& name : *names) {
    auto pattern = Pattern::compile(name);
    if (!pattern) return tl::unexpected(pattern.error());
    query.names.push_back(*std::move(pattern));
  }
  if (!version->empty()) {
    auto pattern = Pattern::compile(*version);
    if (!pattern) return tl::unexpected(pattern.error());
    query.version.push_back(*std::move(pattern));
  }
  return query;
}

}  // namespace

json empty_pkg_statistics() {
  return {{"execruntime", ""}};
}

Result<ModuleResult> run_pkg(const json& parameters, Timestamp /*now*/, const Deadline& deadline) {
  const auto query = parse_query(parameters);
  if (!query) return tl::unexpected(query.error());
  std::ifstream status("/var/lib/dpkg/status");
  std::vector<DpkgPackage> packages = read_dpkg_status(status);
  std::sort(packages.begin(), packages.end(), [](auto& a, auto& b) { return a.name < b.name; });
  json list;  // null until there is one
  for (const DpkgPackage& package : packages) {
    if (!query->matches(package)) continue;
    list.push_back(
        {{"name", package.name}, {"version", package.version}, {"type", "dpkg"}, {"arch", package.architecture}});
  }
  ModuleResult result;
  result.found_anything = !list.is_null();
  result.elements = {{"packages", std::move(list)}};
  result.statistics = {{"execruntime", mig_runner::format_go_duration(deadline.elapsed())}};
  return result;
}

}  // namespace mig_sandbox
