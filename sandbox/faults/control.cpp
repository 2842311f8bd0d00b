#include "sandbox/faults/control.h"

#include <charconv>

#include "mig/json_writer.h"

namespace mig_sandbox {
namespace {

using mig_runner::mig::json_string;

constexpr std::string_view kRoot = "/sandbox/";
constexpr std::string_view kFaults = "/sandbox/faults";
constexpr std::string_view kPosts = "/sandbox/posts";
constexpr std::string_view kRefused = "/sandbox/refused";

Answer not_found() {
  return {404, "404 page not found\n", Answer::Type::plain};
}

}  // namespace

bool Control::wants(const Request& request) {
  return request.path.starts_with(kRoot);
}

Answer Control::answer(const Request& request) {
  if (request.path == kPosts && request.method == "GET") return posts(true);
  if (request.path == kRefused && request.method == "GET") return posts(false);
  if (request.path.starts_with(kFaults)) return faults(request);
  return not_found();
}

Answer Control::faults(const Request& request) {
  const std::string_view below = std::string_view(request.path).substr(kFaults.size());
  if (request.method == "POST") {
    const auto fault = Fault::parse(request.body);
    if (!fault) return {400, R"({"error":)" + json_string(fault.error().what) + "}"};
    faults_.add(*fault);
  } else if (request.method == "DELETE" && below.empty()) {
    faults_.clear();
  } else if (request.method == "DELETE") {
    std::int64_t id = 0;
    std::from_chars(below.data() + 1, below.data() + below.size(), id);
    if (!faults_.remove(id)) return not_found();
  } else if (request.method != "GET") {
    return not_found();
  }
  std::string out = R"({"faults":[)";
  for (const auto& [id, fault, hits] : faults_.list()) {
    out += (out.back() == '[' ? "" : ",") + std::string(R"({"id":)") + std::to_string(id) + R"(,"fault":)" +
           json_string(fault.text()) + R"(,"hits":)" + std::to_string(hits) + "}";
  }
  return {200, out + "]}"};
}

Answer Control::posts(bool accepted) {
  std::string list;
  for (const auto& post : store_.posts()) {
    if ((post.action_id != 0) != accepted) continue;
    list += (list.empty() ? "" : ",") + std::string(R"({"received":)") + json_string(format_micros(post.received));
    if (const auto action = accepted ? store_.action(post.action_id) : std::nullopt) {
      list += R"(,"id":)" + std::to_string(action->id) + R"(,"name":)" + json_string(action->name) + R"(,"target":)" +
              json_string(action->target) + R"(,"validfrom":)" + json_string(format_micros(action->valid_from)) +
              R"(,"expireafter":)" + json_string(format_micros(action->expire_after)) + R"(,"pgpsignatures":)" +
              action->signatures;
    }
    list += R"(,"status":)" + std::to_string(post.status) + R"(,"fault":)" + json_string(post.fault) + "}";
  }
  return {200, "[" + list + "]"};
}

}  // namespace mig_sandbox
