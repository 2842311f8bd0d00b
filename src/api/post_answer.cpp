#include "api/post_answer.h"

#include <algorithm>

#include "api/answers.h"
#include "api/failed_answer.h"
#include "api/refusal.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

// Only the API's own error document says anything of the action: a proxy may answer what it likes after it passed the
// request on.
Retry proven_by(long status, const std::optional<std::string>& message) {
  if (!message || status == 408 || status == 429) return Retry::outcome_unknown;
  if (status == 401) return Retry::later;  // the API looks at the token before anything else
  if (status >= 400 && status < 500) return Retry::no;
  if (status != 500) return Retry::outcome_unknown;
  switch (refusal_in(*message)) {
    case Refusal::of_action:
      return Retry::no;
    case Refusal::of_signature:
      return Retry::anew;
    case Refusal::of_this_moment:
      return Retry::later;
    case Refusal::unproven:
      break;
  }
  return Retry::outcome_unknown;
}

bool is_of(const ListedAction& action, const Posting& posting) {
  return action.name == posting.name &&
         std::find(action.signatures.begin(), action.signatures.end(), posting.signature) != action.signatures.end();
}

}  // namespace

Result<StoredAction> read_post_answer(HttpAnswer& answer, const Posting& posting, const std::string& where) {
  if (answer.status != 202)
    return tl::unexpected(failed_answer(answer, where, proven_by(answer.status, error_message(answer.body))));
  auto actions = read_actions(answer.body);
  if (!actions || actions->size() != 1)
    return fail("the answer 202 holds no action: " + excerpt(answer.body), where, Retry::outcome_unknown);
  auto& listed = actions->front();
  if (!is_of(listed, posting))
    return fail("the answer 202 holds another action than the one that was posted: " +
                    std::to_string(listed.action.id) + " " + excerpt(listed.name),
                where, Retry::outcome_unknown);
  return std::move(listed.action);
}

}  // namespace mig_runner::api
