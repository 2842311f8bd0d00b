#include "stages/fake_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mig_runner::test {
namespace {

using api::HttpAnswer;
using nlohmann::json;

std::string decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      plain += ' ';
    } else if (text[i] == '%') {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string parameter(const std::string& url, const std::string& name) {
  for (const std::string start : {"?", "&"}) {
    const auto at = url.find(start + name + "=");
    if (at == std::string::npos) continue;
    const auto from = at + name.size() + 2;
    return decode(url.substr(from, url.find('&', from) - from));
  }
  return "";
}

HttpAnswer collection(long status, const json& items, const std::string& error = "") {
  json answer = {{"collection", {{"version", "1.0"}, {"href", "http://fake/"}, {"template", json::object()}}}};
  if (!items.empty()) answer["collection"]["items"] = items;
  answer["collection"]["error"] = error.empty() ? json::object() : json{{"code", "1"}, {"message", error}};
  return {status, answer.dump(), ""};
}

json item(const std::string& name, const json& value) {
  return {{"href", "http://fake/"}, {"data", {{{"name", name}, {"value", value}}}}};
}

json counters(const FakeApi::Stored& action) {
  return {{"sent", action.sent}, {"done", action.sent - action.waiting()}};
}

json stored_json(const FakeApi::Stored& action) {
  auto value = json::parse(action.document);
  value["id"] = action.id;
  value["status"] = action.status;
  value["counters"] = counters(action);
  return value;
}

// As the API writes them, with the action in each.
json command_json(const FakeApi::Stored& action, std::int64_t id) {
  const auto status = action.statuses.find(id);
  const auto results = action.results.find(id);
  return {{"id", id},
          {"action", {{"id", action.id}, {"counters", counters(action)}}},
          {"agent", {{"id", id + 500}, {"name", "agent-" + std::to_string(id % 1000)}}},
          {"status", status == action.statuses.end() ? "success" : status->second},
          {"results", results == action.results.end() ? json() : json::parse(results->second)}};
}

class FakeHttp final : public api::Http {
 public:
  explicit FakeHttp(FakeApi& api) : api_(api) {}
  void perform_all(const std::vector<api::HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                   const std::function<void()>& idle) override {
    if (api_.before_posts && !requests.empty() && !requests.front().form_body.empty()) api_.before_posts();
    if (idle) idle();
    for (std::size_t i = requests.size(); i-- > 0;) {
      const bool held_back = requests[i].may_send && !requests[i].may_send();
      done(i, held_back ? fail("not sent", "http://fake/", Retry::later) : api_.answer(requests[i]));
    }
  }

 private:
  FakeApi& api_;
};

}  // namespace

std::int64_t FakeApi::Stored::waiting() const {
  return std::count_if(statuses.begin(), statuses.end(), [](const auto& entry) { return entry.second == "sent"; });
}

void FakeApi::Stored::set_all(const std::string& all) {
  for (const auto command : commands) statuses[command] = all;
}

std::unique_ptr<api::Http> FakeApi::http() {
  return std::make_unique<FakeHttp>(*this);
}

HttpAnswer FakeApi::error(long status, const std::string& message) {
  return collection(status, {}, message);
}

HttpAnswer FakeApi::page(long status, const std::string& retry_after) {
  HttpAnswer answer{status, "<html><title>Proxy</title><body>not the API</body></html>", ""};
  answer.retry_after = retry_after;
  return answer;
}

Result<HttpAnswer> FakeApi::reply(Stored stored) {
  const auto reply = replies.front();
  replies.pop_front();
  if (reply.stores == Reply::Stores::yes) actions.push_back(std::move(stored));
  if (reply.stores == Reply::Stores::later) lost.push_back(std::move(stored));
  if (reply.answer) return *reply.answer;
  return fail("connection reset", "http://fake/", Retry::outcome_unknown);
}

Result<HttpAnswer> FakeApi::answer(const api::HttpRequest& request) {
  ++requests;
  if (around_exchange) around_exchange();
  auto given = answer_now(request);
  if (around_exchange) around_exchange();
  return given;
}

Result<HttpAnswer> FakeApi::answer_now(const api::HttpRequest& request) {
  if (!request.form_body.empty()) return post(request);
  if (read_answer) return *read_answer;
  if (down) return fail("connection refused", "http://fake/", Retry::later);
  if (request.url.find("type=command") != std::string::npos) return list_commands(request.url);
  if (request.url.find("type=action") != std::string::npos) return list_actions(request.url);
  if (request.url.find("type=agent") != std::string::npos) return list_agents();
  return show_action(request.url);
}

Result<HttpAnswer> FakeApi::post(const api::HttpRequest& request) {
  ++posts;
  Stored stored;
  stored.id = 7000 + posts;
  stored.document = decode(request.form_body.substr(request.form_body.find('=') + 1));
  stored.name = json::parse(stored.document).at("name");
  for (int i = 0; i < commands_per_action; ++i) stored.commands.push_back(stored.id * 1000 + i);
  stored.sent = commands_per_action;
  if (!replies.empty()) return reply(std::move(stored));
  auto what = Post::accept;
  if (!script.empty()) {
    what = script.front();
    script.pop_front();
  }
  if (what == Post::unavailable) return fail("connection refused", "http://fake/", Retry::later);
  if (what == Post::refuse) return collection(500, {}, "Action.Target is empty. Expecting string.");
  if (what == Post::lost_not_accepted) {
    lost.push_back(stored);
    return fail("connection reset", "http://fake/", Retry::outcome_unknown);
  }
  actions.push_back(stored);
  if (what == Post::lost_accepted) return fail("connection reset", "http://fake/", Retry::outcome_unknown);
  return collection(202, json::array({item("action ID " + std::to_string(stored.id), stored_json(stored))}));
}

Result<HttpAnswer> FakeApi::show_action(const std::string& url) {
  const auto id = std::stoll(parameter(url, "actionid"));
  for (const auto& action : actions)
    if (action.id == id) return collection(200, json::array({item("action", stored_json(action))}));
  return collection(404, {}, "Action ID '" + std::to_string(id) + "' not found");
}

Result<HttpAnswer> FakeApi::list_agents() {
  ++target_searches;
  if (!target_complaint.empty()) return collection(500, {}, "Error while finding agents: '" + target_complaint + "'");
  return collection(200, json::array({item("agent", {{"id", 1}, {"name", "agent-1"}})}));
}

Result<HttpAnswer> FakeApi::list_actions(const std::string& url) {
  ++searches;
  const auto name = parameter(url, "actionname");
  const auto offset = parameter(url, "offset");
  const std::size_t from = offset.empty() ? 0 : std::stoul(offset);
  json items = json::array();
  std::size_t index = 0;
  for (const auto& action : actions)
    if (action.name == name && index++ >= from) items.push_back(item("action", stored_json(action)));
  if (items.empty()) return collection(404, {}, "no results found");
  return collection(200, items);
}

Result<HttpAnswer> FakeApi::list_commands(const std::string& url) {
  if (!command_answer.empty()) return HttpAnswer{200, command_answer, ""};
  const auto id = std::stoll(parameter(url, "actionid"));
  const auto limit = std::stoul(parameter(url, "limit"));
  const auto offset_text = parameter(url, "offset");
  const auto offset = offset_text.empty() ? 0 : std::stoul(offset_text);
  for (auto& action : actions) {
    if (action.id != id || action.orphan) continue;
    if (before_page) before_page(action);
    json items = json::array();
    for (auto i = offset; i < action.commands.size() && i < offset + limit; ++i) {
      if (unlisted.contains(action.commands[i])) return collection(500, {}, "unexpected EOF");
      items.push_back(item("command", command_json(action, action.commands[i])));
    }
    if (!items.empty()) return collection(200, items);
  }
  return collection(404, {}, "no results found");
}

}  // namespace mig_runner::test
