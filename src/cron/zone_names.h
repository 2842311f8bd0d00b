#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mig_runner::cron {

// Where the system keeps its compiled zones: TZDIR, as to the C library, else /usr/share/zoneinfo.
std::filesystem::path zone_directory();

// The names of all zones below `directory`, in order; empty where there is no tz database.
std::vector<std::string> zone_names(const std::filesystem::path& directory);

// The one of `names` that somebody who wrote `wrong` most likely meant, by its full name or its last part
// ("berlin", "Europe/Berln"); empty where `names` is.
std::string nearest_zone_name(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace mig_runner::cron
