#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/commands.h"
#include "api/greeting.h"
#include "api/http.h"
#include "api/token_source.h"
#include "base/time.h"

namespace mig_runner::api {

struct StoredAction {
  std::int64_t id = 0;
  std::string json;  // the action as the server wrote it
};

// An action to be posted, and how the API's answer is told to be about it.
struct Posting {
  std::string document;   // whole, as JSON
  std::string name;       // the action's, which is in the document
  std::string signature;  // one of the document's
};

struct ActionStatus {
  std::string status;     // pending scheduled preparing invalid inflight completed expired
  std::int64_t sent = 0;  // how many commands exist
  std::int64_t done = 0;  // how many of them have ended
  std::string target;
  std::string json;  // the action as the server wrote it
};

// PostgreSQL's words about a target that it cannot use, where `error` is of try_target() or count_agents() and says so;
// nullopt where the API could not be asked. The API words troubles of its database in the same way.
std::optional<std::string> target_complaint(const Error& error);

// The MIG API as the runner uses it. One thread at a time: an object a thread. `where` of every Error is the URL
// without its query. Retry::no: the server refuses and will again, or cannot be trusted. Retry::later: nothing was
// done, which is what every other failure of a reading is. Retry::outcome_unknown (post only): it may have been.
class ApiClient {
 public:
  // `tokens` is shared and outlives the client. `base_url` ends in '/'.
  ApiClient(std::string base_url, std::unique_ptr<Http> http, std::unique_ptr<sign::Signer> signer,
            TokenSource& tokens);

  // Where the API is, as messages show it.
  std::string address() const;

  // POST action/create/, for all at the same time, each on a connection of its own: `done(index, answer)` in any order,
  // `idle` as Http::perform_all calls it, `may_send` for each as HttpRequest says. An Error says what the answer proves
  // (docs/design.md, "At most once"):
  //   no               not stored; the API itself refuses this action
  //   anew             not stored; the API cannot verify its signature
  //   later            not stored; the API was not reached, did not let the key in, or failed before it stored anything
  //   outcome_unknown  any other answer, and none: the action may be stored, whatever the status
  // An answer 202 is believed only where it holds an action of the posting's name and signature.
  void post_actions(std::span<const Posting> postings,
                    const std::function<void(std::size_t, Result<StoredAction>)>& done,
                    const std::function<void()>& idle, const std::function<bool()>& may_send = {});

  // The action among those named `name` and valid from `after` on that carries one of `signatures`; nullopt when the
  // server has none. Never "no" because of a limit. An action that carries one of them under another name is an Error.
  Result<std::optional<StoredAction>> find_action(std::string_view name, Timestamp after,
                                                  std::span<const std::string> signatures);

  // For finding out whether the API can be reached and lets the runner in: an Error where nothing answers.
  Result<Greeting> greet();
  // Whether the API can use `target`: an Error where it cannot, with its complaint. The agents in its answer are not
  // read.
  Result<void> try_target(std::string_view target);
  // How many active agents `target` matches. A target that the API cannot read is an Error with its complaint.
  Result<std::int64_t> count_agents(std::string_view target);

  Result<ActionStatus> action_status(std::int64_t action_id);

  // Reads the action's commands page by page, several pages at a time, up to the expected number; on to the end of the
  // list where no number is expected, and one page more where there are more commands than expected. `sink` gets each
  // command as soon as it has come, in any order, repeats included, and may return an Error, which ends the reading. A
  // command that cannot be read is left out and named in the report. Pages have up to `page_size` rows, fewer where
  // rows are large or slow; of their text, no more than one command a page is held. On an Error, `sink` may have got
  // commands.
  Result<FetchReport> fetch_commands(std::int64_t action_id, const FetchOptions& options, const CommandSink& sink);

 private:
  Result<HttpAnswer> exchange(HttpRequest request);
  using AnswerSink = std::function<void(std::size_t, Result<HttpAnswer>)>;
  void exchange_all(std::vector<HttpRequest> requests, const AnswerSink& done, const std::function<void()>& idle);
  HttpRequest post_request(std::string_view document) const;
  HttpRequest agents_request(std::string_view target) const;
  Result<HttpAnswer> read(HttpRequest request);
  Result<HttpAnswer> get(const std::string& path_and_query, std::int64_t rows);

  std::string base_url_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<sign::Signer> signer_;
  TokenSource& tokens_;
};

}  // namespace mig_runner::api
