#include "api/api_client.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "api/answers.h"
#include "api/command_fetcher.h"
#include "api/get_answer.h"
#include "api/post_answer.h"
#include "api/text.h"
#include "base/percent.h"

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
constexpr std::array kActionLimits{100, 1'000, 10'000, 100'000};

bool is_authentication_refused(HttpAnswer& answer) {
  return answer.status == 401 && error_message(answer.body).has_value();
}

// Ends the transfer of an answer 200 once it has begun.
class FirstBytes final : public BodySink {
 public:
  Result<void> take(std::string_view) override {
    came = true;
    return fail("enough");
  }
  std::size_t held() const override { return 0; }
  bool came = false;
};

// `actionname` is an ILIKE pattern. What `_` and `%` find beyond themselves does no harm, but a backslash would take
// away the meaning of what follows it and not match itself: `_` stands for it, too.
std::string name_pattern(std::string_view name) {
  std::string pattern(name);
  std::replace(pattern.begin(), pattern.end(), '\\', '_');
  return pattern;
}

const ListedAction* signed_by_one_of(const std::vector<ListedAction>& actions,
                                     std::span<const std::string> signatures) {
  for (const auto& listed : actions)
    if (std::find_first_of(listed.signatures.begin(), listed.signatures.end(), signatures.begin(), signatures.end()) !=
        listed.signatures.end())
      return &listed;
  return nullptr;
}

}  // namespace

std::optional<std::string> target_complaint(const Error& error) {
  constexpr std::string_view kBegin = "Error while finding agents: '";
  const auto at = error.what.find(kBegin);
  if (at == std::string::npos) return std::nullopt;
  auto complaint = error.what.substr(at + kBegin.size());
  if (complaint.ends_with('\'')) complaint.pop_back();
  return complaint;
}

ApiClient::ApiClient(std::string base_url, std::unique_ptr<Http> http, std::unique_ptr<sign::Signer> signer,
                     TokenSource& tokens)
    : base_url_(std::move(base_url)), http_(std::move(http)), signer_(std::move(signer)), tokens_(tokens) {}

std::string ApiClient::address() const {
  return shown_url(base_url_);
}

Result<HttpAnswer> ApiClient::exchange(HttpRequest request) {
  Result<HttpAnswer> result = fail("no answer");
  exchange_all({std::move(request)}, [&](std::size_t, Result<HttpAnswer> answer) { result = std::move(answer); }, {});
  return result;
}

// All at the same time: those that meet a 401 of the API go once more, together, with a new token. The API looks at the
// token before anything else; a 401 of a proxy does not say that the API has not had the request.
void ApiClient::exchange_all(std::vector<HttpRequest> requests, const AnswerSink& done,
                             const std::function<void()>& idle) {
  std::vector<std::size_t> numbers(requests.size());
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  for (int tries = 1; !requests.empty(); ++tries) {
    const auto token = tokens_.header(*signer_);
    if (!token) {
      for (const auto number : numbers) done(number, tl::unexpected(token.error()));
      return;
    }
    for (auto& request : requests) request.headers = {*token};
    std::vector<HttpRequest> again;
    std::vector<std::size_t> again_numbers;
    const auto take = [&](std::size_t index, Result<HttpAnswer> answer) {
      const bool refused = tries == 1 && answer && is_authentication_refused(*answer);
      if (refused) tokens_.reject(*token);
      // An API key stays the same: asking again would give the same.
      if (!refused || tokens_.header(*signer_) == *token) return done(numbers[index], std::move(answer));
      again.push_back(std::move(requests[index]));
      again_numbers.push_back(numbers[index]);
    };
    http_->perform_all(requests, take, idle);
    requests = std::move(again);
    numbers = std::move(again_numbers);
  }
}

// A GET changes nothing: it can always be tried again.
Result<HttpAnswer> ApiClient::read(HttpRequest request) {
  auto answer = exchange(std::move(request));
  if (!answer && answer.error().retry == Retry::outcome_unknown) answer.error().retry = Retry::later;
  return answer;
}

Result<HttpAnswer> ApiClient::get(const std::string& path_and_query, std::int64_t rows) {
  HttpRequest request;
  request.url = base_url_ + path_and_query;
  request.timeout = rows > 1 ? kPageTimeout + kRowTimeout * rows : kTimeout;
  request.max_answer_bytes = rows > 1 ? kMaxPageBytes : kMaxAnswerBytes;
  return read(std::move(request));
}

HttpRequest ApiClient::post_request(std::string_view document) const {
  HttpRequest request;
  request.url = base_url_ + "action/create/";
  request.form_body = "action=" + percent_encode(document);
  request.timeout = kTimeout;
  request.max_answer_bytes = kMaxPageBytes;  // it repeats the action, and may escape it more widely
  return request;
}

void ApiClient::post_actions(std::span<const Posting> postings,
                             const std::function<void(std::size_t, Result<StoredAction>)>& done,
                             const std::function<void()>& idle, const std::function<bool()>& may_send) {
  std::vector<HttpRequest> requests;
  for (const auto& posting : postings) {
    requests.push_back(post_request(posting.document));
    requests.back().may_send = may_send;
  }
  const auto where = shown_url(base_url_ + "action/create/");
  const auto take = [&](std::size_t index, Result<HttpAnswer> answer) {
    if (!answer) return done(index, tl::unexpected(at(answer.error(), where)));
    done(index, read_post_answer(*answer, postings[index], where));
  };
  exchange_all(std::move(requests), take, idle);
}

// The rows of a list may change places from one request to the next, so that one could be missed between two pages. A
// longer list is asked for whole, with a higher limit.
Result<std::optional<StoredAction>> ApiClient::find_action(std::string_view name, Timestamp after,
                                                           std::span<const std::string> signatures) {
  const auto where = shown_url(base_url_ + "search");
  // The server may have rounded the time it compares with.
  const auto from = format_utc(after - std::chrono::seconds(1));
  const auto query =
      "search?type=action&actionname=" + percent_encode(name_pattern(name)) + "&after=" + percent_encode(from);
  for (const auto limit : kActionLimits) {
    auto answer = get(query + "&limit=" + std::to_string(limit) + "&offset=0", limit);
    if (!answer) return tl::unexpected(at(answer.error(), where));
    if (is_end_of_list(*answer)) return std::nullopt;
    if (answer->status != 200) return get_failure(*answer, where);
    auto actions = read_actions(answer->body);
    if (!actions) return tl::unexpected(at(actions.error(), where));
    if (const auto* found = signed_by_one_of(*actions, signatures)) {
      if (found->name != name)
        return fail("the API lists an action with the right signature, but another name: " + excerpt(found->name),
                    where, Retry::later);
      return found->action;
    }
    if (actions->size() < static_cast<std::size_t>(limit)) return std::nullopt;
  }
  return fail("the API lists more than " + std::to_string(kActionLimits.back()) + " actions of this name", where,
              Retry::later);
}

// Every search needs a condition: without one the real API answers 500. This one costs it no row.
Result<Greeting> ApiClient::greet() {
  auto answer = get("search?type=action&after=2999-01-01T00:00:00Z&limit=1", 1);
  if (!answer) return tl::unexpected(answer.error());
  return Greeting::of(std::move(*answer));
}

// All of them come in one answer: neither limit nor offset counts beside a target.
HttpRequest ApiClient::agents_request(std::string_view target) const {
  HttpRequest request;
  request.url = base_url_ + "search?type=agent&target=" + percent_encode(target);
  request.timeout = kAgentsTimeout;
  request.max_answer_bytes = kMaxPageBytes;
  return request;
}

Result<void> ApiClient::try_target(std::string_view target) {
  FirstBytes agents;
  auto request = agents_request(target);
  request.body_sink = &agents;
  auto answer = read(std::move(request));
  if (agents.came) return {};
  const auto where = shown_url(base_url_ + "search");
  if (!answer) return tl::unexpected(at(answer.error(), where));
  if (answer->status == 200 || is_end_of_list(*answer)) return {};
  return get_failure(*answer, where);
}

Result<std::int64_t> ApiClient::count_agents(std::string_view target) {
  auto request = agents_request(target);
  const auto where = shown_url(base_url_ + "search");
  auto answer = read(std::move(request));
  if (!answer) return tl::unexpected(at(answer.error(), where));
  if (is_end_of_list(*answer)) return 0;
  if (answer->status != 200) return get_failure(*answer, where);
  auto count = count_agents_in(answer->body);
  if (!count) return tl::unexpected(at(count.error(), where));
  return count;
}

Result<ActionStatus> ApiClient::action_status(std::int64_t action_id) {
  const auto where = shown_url(base_url_ + "action");
  auto answer = get("action?actionid=" + std::to_string(action_id), 1);
  if (!answer) return tl::unexpected(at(answer.error(), where));
  if (answer->status != 200) return get_failure(*answer, where);
  auto actions = read_actions(answer->body);
  if (!actions) return tl::unexpected(at(actions.error(), where));
  if (actions->size() != 1 || actions->front().action.id != action_id)
    return fail("the API answers with another action than the one it was asked for", where, Retry::later);
  return std::move(actions->front().status);
}

Result<FetchReport> ApiClient::fetch_commands(std::int64_t action_id, const FetchOptions& options,
                                              const CommandSink& sink) {
  return CommandFetcher(base_url_, *http_, *signer_, tokens_).fetch(action_id, options, sink);
}

}  // namespace mig_runner::api
