#include <algorithm>
#include <map>
#include <set>

#include "sandbox/agent/file_content.h"
#include "sandbox/agent/file_search.h"
#include "sandbox/agent/file_walk.h"
#include "sandbox/agent/module.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

class FileRun {
 public:
  FileRun(std::vector<FileSearch> searches, Timestamp now, const Deadline& deadline)
      : searches_(std::move(searches)), now_(now), deadline_(deadline) {
    for (const FileSearch& search : searches_) {
      problems_.max_errors = std::max(problems_.max_errors, search.options.max_errors);
    }
  }

  ModuleResult run() {
    for (const auto& [path, searches] : searches_by_path()) walk(path, searches);
    return result();
  }

 private:
  // A tree that several searches look into is walked once.
  std::map<std::string, std::vector<FileSearch*>> searches_by_path() {
    std::map<std::string, std::vector<FileSearch*>> by_path;
    for (FileSearch& search : searches_) {
      for (std::string path : search.paths) {
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        auto& list = by_path[path];
        if (std::find(list.begin(), list.end(), &search) == list.end()) list.push_back(&search);
      }
    }
    return by_path;
  }

  void walk(const std::string& path, const std::vector<FileSearch*>& searches) {
    std::size_t max_depth = 0;
    for (const FileSearch* search : searches) max_depth = std::max(max_depth, search->options.max_depth);
    walk_tree(path, max_depth, deadline_, problems_, [&](FileInfo file, std::size_t depth) {
      ++files_count_;
      bool any_active = false;
      for (FileSearch* search : searches) {
        if (search->hit_count() >= search->options.match_limit) continue;
        any_active = true;
        if (depth <= search->options.max_depth) examine(*search, file);
      }
      return any_active;
    });
  }

  void examine(FileSearch& search, const FileInfo& file) {
    const bool match_all = search.options.match_all;
    if (match_all && search.metadata_checks.empty() && search.content_checks.empty()) return;
    for (Check& check : search.metadata_checks) {
      const bool holds = check.metadata_holds(file, now_);
      if (match_all && !holds) return;
      if (!match_all && holds) keep(search, check.hits, file);
    }
    const std::vector<bool> held = content_answers(search, file);
    if (match_all) {
      if (std::find(held.begin(), held.end(), false) == held.end()) keep(search, search.hits, file);
      return;
    }
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (held[i]) keep(search, search.content_checks[i].hits, file);
    }
  }

  // Whether each of the search's content checks holds. Nothing holds of what cannot be read.
  std::vector<bool> content_answers(const FileSearch& search, const FileInfo& file) {
    const std::vector<Check>& checks = search.content_checks;
    std::vector<bool> nothing(checks.size(), false);
    if (checks.empty() || !file.is_regular()) return nothing;
    std::vector<const Pattern*> patterns;  // contents come before the hashes
    for (const Check& check : checks) {
      if (check.pattern) patterns.push_back(&*check.pattern);
    }
    std::vector<bool> answers;
    if (!patterns.empty()) {
      auto matched = match_lines(file.path, patterns, search.options.macroal, search.options.decompress, deadline_);
      if (!matched) return report(matched.error()), nothing;
      answers = *std::move(matched);
    }
    std::map<std::string, std::string> digests;
    for (std::size_t i = patterns.size(); i < checks.size(); ++i) {
      // Hashes cost the most: not for a file that a `matchall` search has dropped already.
      if (search.options.match_all && dropped(checks, answers)) return nothing;
      std::string& digest = digests[checks[i].algorithm];
      if (digest.empty()) {
        auto computed = digest_file(file.path, checks[i].algorithm, search.options.decompress, deadline_);
        if (!computed) return report(computed.error()), nothing;
        digest = *std::move(computed);
      }
      answers.push_back(same_hex(digest, checks[i].value));
    }
    for (std::size_t i = 0; i < answers.size(); ++i) answers[i] = answers[i] != checks[i].mismatch;
    return answers;
  }

  // The end of the time is told once, for the whole operation.
  void report(const mig_runner::Error& error) {
    if (!deadline_.passed()) problems_.add(error.what);
  }

  static bool dropped(const std::vector<Check>& checks, const std::vector<bool>& answers) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (answers[i] == checks[i].mismatch) return true;
    }
    return false;
  }

  static bool same_hex(const std::string& upper, const std::string& asked) {
    return std::equal(upper.begin(), upper.end(), asked.begin(), asked.end(),
                      [](char a, char b) { return a == (b >= 'a' && b <= 'f' ? b - 'a' + 'A' : b); });
  }

  void keep(const FileSearch& search, std::vector<FileInfo>& hits, FileInfo file) {
    if (search.hit_count() >= search.options.match_limit) return;
    // Paths of one search may lie in each other.
    if (search.paths.size() > 1 && !kept_.insert({&hits, file.path}).second) return;
    if (search.options.return_sha256 && file.is_regular()) {
      auto digest = digest_file(file.path, "SHA256", search.options.decompress, deadline_);
      if (digest) {
        file.sha256 = *std::move(digest);
      } else {
        report(digest.error());
      }
    }
    hits.push_back(std::move(file));
  }

  static json echo_options(const SearchOptions& options) {
    // The limits are never told back (they read 0), as the samples show.
    json echo = {{"matchall", options.match_all},
                 {"macroal", options.macroal},
                 {"matchlimit", 0},
                 {"maxdepth", 0},
                 {"maxerrors", 0},
                 {"mismatch", options.mismatch ? json(*options.mismatch) : json(nullptr)}};
    if (options.return_sha256) echo["returnsha256"] = true;
    if (options.decompress) echo["decompress"] = true;
    return echo;
  }

  static json element(const FileInfo* file, const json& search) {
    json info = {{"size", 0}, {"mode", ""}, {"lastmodified", ""}};
    if (file != nullptr) {
      info = {{"size", file->size}, {"mode", file->mode_text()}, {"lastmodified", file->mtime_text()}};
      if (!file->sha256.empty()) info["sha256"] = file->sha256;
    }
    return {{"file", file != nullptr ? file->path : ""}, {"fileinfo", info}, {"search", search}};
  }

  // A `matchall` search tells each file with the whole search; any other tells, check by check, each file with that
  // check alone, and a check without a file as an element without a file.
  static json elements_of(const FileSearch& search) {
    json list;  // null until there is one
    const json base = {{"paths", search.paths}, {"options", echo_options(search.options)}};
    json whole = base;
    for (const auto* checks : {&search.metadata_checks, &search.content_checks}) {
      for (const Check& check : *checks) {
        const std::string name(parameter_name(check.kind));
        whole[name].push_back(check.value);
        if (search.options.match_all) continue;
        json part = base;
        part[name] = {check.value};
        if (check.hits.empty()) list.push_back(element(nullptr, part));
        for (const FileInfo& file : check.hits) list.push_back(element(&file, part));
      }
    }
    for (const FileInfo& file : search.hits) list.push_back(element(&file, whole));
    return list;
  }

  ModuleResult result() {
    ModuleResult result;
    std::size_t total = 0;
    for (const FileSearch& search : searches_) {
      total += search.hit_count();
      result.elements[search.label] = elements_of(search);
    }
    result.found_anything = total > 0;
    result.errors = std::move(problems_.errors);
    result.statistics = {{"exectime", mig_runner::format_go_duration(deadline_.elapsed())},
                         {"filescount", files_count_},
                         {"openfailed", problems_.open_failed},
                         {"totalhits", total}};
    return result;
  }

  std::vector<FileSearch> searches_;
  Timestamp now_;
  const Deadline& deadline_;
  WalkProblems problems_;
  std::size_t files_count_ = 0;
  std::set<std::pair<const std::vector<FileInfo>*, std::string>> kept_;
};

}  // namespace

json empty_file_statistics() {
  return {{"exectime", ""}, {"filescount", 0}, {"openfailed", 0}, {"totalhits", 0}};
}

Result<ModuleResult> run_file(const json& parameters, Timestamp now, const Deadline& deadline) {
  auto searches = parse_searches(parameters);
  if (!searches) return tl::unexpected(searches.error());
  return FileRun(*std::move(searches), now, deadline).run();
}

}  // namespace mig_sandbox
