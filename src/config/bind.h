#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "config/client_config.h"
#include "config/job_config.h"
#include "config/runner_config.h"

// Each reads the text of a file as far as it can, and adds everything that is wrong with it to `problems`, in the order
// of the file. A value that a problem concerns is the default, or as it was written. `file` is only for messages.
// `known` gets the names of all settings.
namespace mig_runner::config {

// entity.cfg. Fatal: unknown names, wrong types, a missing schedule, a plugin outside plugins/. `defaults` are those of
// runner.cfg.
JobConfig bind_job_config(std::string_view text, const std::string& file, const JobSettings& defaults,
                          std::vector<Problem>& problems, KnownNames* known = nullptr);
// runner.cfg.
RunnerConfig bind_runner_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known = nullptr);
// The client configuration. Sections that other MIG clients use but the runner does not know are fatal too, as in the
// original.
ClientConfig bind_client_config(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                KnownNames* known = nullptr);

// The settings that may stand for one job and, as defaults, for all.
void bind_job_settings(Binder& binder, std::string_view section, JobSettings& settings);

}  // namespace mig_runner::config
