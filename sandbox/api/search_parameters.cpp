#include "sandbox/api/search_parameters.h"

#include <charconv>

#include "base/percent.h"
#include "mig/json_writer.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::mig::json_string;

// A search without times covers this much on either side of now.
constexpr Micros kPeriod = Micros{1650} * 86400 * 1'000'000;

auto refuse(const std::string& why) {
  return fail("parseSearchParameters()-> " + why);
}

bool read_number(std::int64_t& out, const std::string& text) {
  out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

SearchParameters SearchParameters::defaults(Timestamp now) {
  SearchParameters parameters;
  parameters.after = to_micros(now) - kPeriod;
  parameters.before = to_micros(now) + kPeriod;
  return parameters;
}

Result<void> SearchParameters::read(const Form& query) {
  const auto given = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? nullptr : &found->second;
  };
  if (const auto* text = given("before")) {
    const auto time = parse_micros(*text);
    before = time ? std::optional(*time) : std::nullopt;
    before_given = true;
    if (!time) return refuse("before date not in RFC3339 format");
  }
  if (const auto* text = given("after")) {
    const auto time = parse_micros(*text);
    if (!time) return refuse("after date not in RFC3339 format");
    after = *time;
    after_given = true;
  }
  const std::pair<const char*, std::string*> texts[] = {{"type", &type},
                                                        {"actionid", &action_id},
                                                        {"actionname", &action_name},
                                                        {"agentid", &agent_id},
                                                        {"agentname", &agent_name},
                                                        {"agentversion", &agent_version},
                                                        {"commandid", &command_id},
                                                        {"investigatorid", &investigator_id},
                                                        {"investigatorname", &investigator_name},
                                                        {"loaderid", &loader_id},
                                                        {"loadername", &loader_name},
                                                        {"manifestid", &manifest_id},
                                                        {"manifestname", &manifest_name},
                                                        {"report", &report},
                                                        {"status", &status},
                                                        {"target", &target},
                                                        {"threatfamily", &threat_family}};
  for (const auto& [name, field] : texts) {
    if (const auto* text = given(name)) *field = *text;
  }
  if (const auto* text = given("foundanything")) {
    if (*text != "true" && *text != "false") return refuse("foundanything parameter must be true or false");
    found_anything = *text == "true";
    found_anything_given = true;
  }
  if (const auto* text = given("limit"); text != nullptr && !read_number(limit, *text))
    return refuse("invalid limit parameter");
  if (const auto* text = given("offset"); text != nullptr && !read_number(offset, *text))
    return refuse("invalid offset parameter");
  return {};
}

std::string SearchParameters::document() const {
  std::string out = "{";
  const auto put = [&](const char* name, const std::string& json) {
    out += (out.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + json;
  };
  put("actionid", json_string(action_id));
  put("actionname", json_string(action_name));
  put("after", json_string(format_micros(after)));
  put("agentid", json_string(agent_id));
  put("agentname", json_string(agent_name));
  put("agentversion", json_string(agent_version));
  put("before", json_string(before ? format_micros(*before) : std::string(kNoTime)));
  put("commandid", json_string(command_id));
  put("foundanything", found_anything ? "true" : "false");
  put("investigatorid", json_string(investigator_id));
  put("investigatorname", json_string(investigator_name));
  put("limit", std::to_string(limit));
  put("loaderid", json_string(loader_id));
  put("loadername", json_string(loader_name));
  put("manifestid", json_string(manifest_id));
  put("manifestname", json_string(manifest_name));
  put("offset", std::to_string(offset));
  put("report", json_string(report));
  put("status", json_string(status));
  put("target", json_string(target));
  put("threatfamily", json_string(threat_family));
  put("type", json_string(type));
  return out + "}";
}

std::string SearchParameters::next_page() const {
  const auto seconds = [](Micros time) {
    return mig_runner::format_utc(std::chrono::floor<std::chrono::seconds>(to_timestamp(time)));
  };
  std::string out = "type=" + type + "&after=" + seconds(after) + "&before=" + seconds(before.value_or(kNever));
  const std::pair<const char*, const std::string*> texts[] = {{"actionid", &action_id},
                                                              {"actionname", &action_name},
                                                              {"agentid", &agent_id},
                                                              {"agentname", &agent_name},
                                                              {"agentversion", &agent_version},
                                                              {"commandid", &command_id},
                                                              {"investigatorid", &investigator_id},
                                                              {"investigatorname", &investigator_name},
                                                              {"report", &report},
                                                              {"target", &target},
                                                              {"threatfamily", &threat_family}};
  for (const auto& [name, value] : texts) {
    if (!is_any(*value) && !value->empty()) out += std::string("&") + name + "=" + mig_runner::percent_encode(*value);
  }
  if (found_anything_given) out += found_anything ? "&foundanything=true" : "&foundanything=false";
  out += "&limit=" + std::to_string(limit) + "&offset=" + std::to_string(offset + limit);
  return is_any(status) ? out : out + "&status=" + mig_runner::percent_encode(status);
}

}  // namespace mig_sandbox
