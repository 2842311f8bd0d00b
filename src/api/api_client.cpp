#include "api/api_client.h"

#include <algorithm>
#include <array>

#include "api/answers.h"
#include "api/percent.h"

namespace mig_runner::api {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout = std::chrono::seconds(30);
// The real server spends 4 ms and more on each row of a page.
constexpr milliseconds kPageTimeout = std::chrono::seconds(60);
constexpr milliseconds kRowTimeout = std::chrono::milliseconds(20);
constexpr milliseconds kAgentsTimeout = std::chrono::minutes(2);
constexpr std::size_t kMaxAnswerBytes = std::size_t{16} << 20U;
constexpr std::size_t kMaxPageBytes = std::size_t{256} << 20U;
constexpr int kActionsPage = 100;

// The server answers 500 whatever went wrong. These are in the texts of what is the action's own fault (JSON,
// validation, signatures, columns too short), so that sending it again cannot help;
// tests/data/vectors/api_transcript.json has some.
constexpr std::array<std::string_view, 10> kFaultsOfTheAction{
    "invalid character", "unexpected end of JSON", "json:",          "parsing time", "Action.",
    "Syntax Version",    "VerifySignatures",       "value too long", "out of range", "illegal base64"};

bool is_fault_of_the_action(const std::string& message) {
  return std::any_of(kFaultsOfTheAction.begin(), kFaultsOfTheAction.end(),
                     [&](std::string_view phrase) { return message.find(phrase) != std::string::npos; });
}

// What a status other than success says of a GET: all may pass, but for what the request itself is wrong in.
tl::unexpected<Error> get_failure(HttpAnswer& answer, const std::string& where) {
  const auto message = error_message(answer.body);
  return fail("the API answers " + std::to_string(answer.status) + ": " + excerpt(message.value_or(answer.body)), where,
              Retry::later);
}

tl::unexpected<Error> post_failure(HttpAnswer& answer, const std::string& where) {
  const auto status = answer.status;
  const auto message = error_message(answer.body);
  auto retry = Retry::outcome_unknown;
  if (status >= 400 && status < 500) retry = status == 401 || status == 408 || status == 429 ? Retry::later : Retry::no;
  if (status >= 500 && message) retry = status == 500 && is_fault_of_the_action(*message) ? Retry::no : Retry::later;
  return fail("the API answers " + std::to_string(status) + ": " + excerpt(message.value_or(answer.body)), where,
              retry);
}

// No more rows: the server says so with a 404.
bool is_end_of_list(HttpAnswer& answer) {
  return answer.status == 404 && error_message(answer.body) == "no results found";
}

Error at(Error error, const std::string& where) {
  if (error.where.empty()) error.where = where;
  return error;
}

}  // namespace

ApiClient::ApiClient(std::string base_url, std::unique_ptr<Http> http, std::unique_ptr<sign::Signer> signer,
                     TokenSource& tokens)
    : base_url_(std::move(base_url)), http_(std::move(http)), signer_(std::move(signer)), tokens_(tokens) {}

Result<HttpAnswer> ApiClient::exchange(HttpRequest request) {
  for (int tries = 1;; ++tries) {
    const auto token = tokens_.header(*signer_);
    if (!token) return tl::unexpected(token.error());
    request.headers = {*token};
    auto answer = http_->perform(request);
    if (!answer || answer->status != 401 || tries > 1) return answer;
    tokens_.reject(*token);
  }
}

Result<HttpAnswer> ApiClient::get(const std::string& path_and_query) {
  HttpRequest request;
  request.url = base_url_ + path_and_query;
  request.timeout = kTimeout;
  request.max_answer_bytes = kMaxAnswerBytes;
  auto answer = exchange(std::move(request));
  // A GET changes nothing: it can always be tried again.
  if (!answer && answer.error().retry == Retry::outcome_unknown) answer.error().retry = Retry::later;
  return answer;
}

Result<StoredAction> ApiClient::post_action(std::string_view document) {
  HttpRequest request;
  request.url = base_url_ + "action/create/";
  request.form_body = "action=" + percent_encode(document);
  request.timeout = kTimeout;
  request.max_answer_bytes = kMaxAnswerBytes;
  const auto where = request.url;
  auto answer = exchange(std::move(request));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != 202) return post_failure(*answer, where);
  auto actions = read_actions(answer->body);
  if (!actions || actions->size() != 1)
    return fail("the API took the action, but its answer cannot be read: " + excerpt(answer->body), where,
                Retry::outcome_unknown);
  return std::move(actions->front().action);
}

Result<std::optional<StoredAction>> ApiClient::find_action(std::string_view name, Timestamp after,
                                                           std::span<const std::string> signatures) {
  const auto query = "search?type=action&actionname=" + percent_encode(name) +
                     "&after=" + percent_encode(format_utc(after)) + "&limit=" + std::to_string(kActionsPage) +
                     "&offset=";
  for (int offset = 0;; offset += kActionsPage) {
    auto answer = get(query + std::to_string(offset));
    if (!answer) return tl::unexpected(answer.error());
    if (is_end_of_list(*answer)) return std::nullopt;
    if (answer->status != 200) return get_failure(*answer, base_url_ + "search");
    auto actions = read_actions(answer->body);
    if (!actions) return tl::unexpected(at(actions.error(), base_url_ + "search"));
    for (auto& listed : *actions) {
      const bool ours = std::any_of(listed.signatures.begin(), listed.signatures.end(), [&](const auto& signature) {
        return std::find(signatures.begin(), signatures.end(), signature) != signatures.end();
      });
      if (ours) return std::optional(std::move(listed.action));
    }
    if (actions->size() < kActionsPage) return std::nullopt;
  }
}

Result<Greeting> ApiClient::greet() {
  auto answer = get("search?type=action&limit=1");
  if (!answer) return tl::unexpected(answer.error());
  Greeting greeting;
  greeting.server_time = parse_http_date(answer->date);
  greeting.accepted = answer->status == 200 || is_end_of_list(*answer);
  if (!greeting.accepted) greeting.refusal = get_failure(*answer, "").value().what;
  return greeting;
}

Result<std::int64_t> ApiClient::count_agents(std::string_view target) {
  // All of them come in one answer: neither limit nor offset counts beside a target.
  HttpRequest request;
  request.url = base_url_ + "search?type=agent&target=" + percent_encode(target);
  request.timeout = kAgentsTimeout;
  request.max_answer_bytes = kMaxPageBytes;
  auto answer = exchange(std::move(request));
  if (!answer) return tl::unexpected(answer.error());
  if (is_end_of_list(*answer)) return 0;
  if (answer->status != 200) return get_failure(*answer, base_url_ + "search");
  auto count = count_agents_in(answer->body);
  if (!count) return tl::unexpected(at(count.error(), base_url_ + "search"));
  return count;
}

Result<ActionStatus> ApiClient::action_status(std::int64_t action_id) {
  auto answer = get("action?actionid=" + std::to_string(action_id));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != 200) return get_failure(*answer, base_url_ + "action");
  auto actions = read_actions(answer->body);
  if (!actions) return tl::unexpected(at(actions.error(), base_url_ + "action"));
  if (actions->size() != 1 || actions->front().action.id != action_id)
    return fail("the API answers with another action than the one it was asked for", base_url_ + "action",
                Retry::later);
  return std::move(actions->front().status);
}

std::vector<HttpRequest> ApiClient::page_requests(std::int64_t action_id, const FetchOptions& options,
                                                  const std::vector<std::int64_t>& pages) const {
  std::vector<HttpRequest> requests;
  for (const auto page : pages) {
    HttpRequest request;
    request.url = base_url_ + "search?type=command&limit=" + std::to_string(options.page_size) +
                  "&offset=" + std::to_string(page * options.page_size) + "&actionid=" + std::to_string(action_id);
    request.timeout = kPageTimeout + kRowTimeout * options.page_size;
    request.max_answer_bytes = kMaxPageBytes;
    requests.push_back(std::move(request));
  }
  return requests;
}

// Reads the pages at the same time; those that meet a 401 are asked for once more with a new token.
Result<bool> ApiClient::fetch_pages(std::int64_t action_id, const FetchOptions& options,
                                    std::vector<std::int64_t> pages,
                                    const std::function<Result<void>(const CommandSlice&)>& sink) {
  std::optional<Error> failure;
  bool ended = false;
  const auto where = base_url_ + "search";
  for (int tries = 1; !pages.empty() && !failure; ++tries) {
    const auto token = tokens_.header(*signer_);
    if (!token) return tl::unexpected(token.error());
    auto requests = page_requests(action_id, options, pages);
    for (auto& request : requests) request.headers = {*token};
    std::vector<std::int64_t> again;
    http_->perform_all(requests, [&](std::size_t index, Result<HttpAnswer> answer) {
      if (failure) return;
      if (!answer) {
        failure = answer.error();
      } else if (answer->status == 401 && tries == 1) {
        again.push_back(pages[index]);
      } else if (is_end_of_list(*answer)) {
        ended = true;
      } else if (answer->status != 200) {
        failure = get_failure(*answer, where).value();
      } else if (const auto count = read_commands(answer->body, sink); !count) {
        failure = at(count.error(), where);
      } else {
        ended = ended || *count < options.page_size;
      }
    });
    if (!again.empty()) tokens_.reject(*token);
    pages = std::move(again);
  }
  if (!failure) return ended;
  if (failure->retry == Retry::outcome_unknown) failure->retry = Retry::later;
  return tl::unexpected(*failure);
}

Result<void> ApiClient::fetch_commands(std::int64_t action_id, const FetchOptions& options,
                                       const std::function<Result<void>(const CommandSlice&)>& sink) {
  const std::int64_t expected_pages = (options.expected + options.page_size - 1) / options.page_size;
  std::int64_t next = 0;
  for (bool ended = false; !ended;) {
    // Beyond the commands that are known to exist, page by page until the list ends.
    const auto side_by_side = std::clamp<std::int64_t>(expected_pages - next, 1, options.parallel_pages);
    std::vector<std::int64_t> pages;
    for (std::int64_t i = 0; i < side_by_side; ++i) pages.push_back(next++);
    auto fetched = fetch_pages(action_id, options, std::move(pages), sink);
    if (!fetched) return tl::unexpected(fetched.error());
    ended = *fetched || (next >= expected_pages && options.expected > 0);
  }
  return {};
}

}  // namespace mig_runner::api
