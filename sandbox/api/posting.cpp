#include <algorithm>
#include <string>
#include <vector>

#include "mig/action.h"
#include "mig/json_writer.h"
#include "sandbox/api/api.h"
#include "sandbox/api/documents.h"
#include "sandbox/base/go_json.h"

// POST action/create/

namespace mig_sandbox {
namespace {

using mig_runner::mig::Action;

constexpr std::size_t kMostNameCharacters = 2048;
constexpr std::size_t kMostTargetCharacters = 2048;
constexpr std::size_t kMostSignatureCharacters = 4096;
constexpr std::uint16_t kSyntaxVersion = 2;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

auto invalid(std::string why) {
  return mig_runner::fail(std::move(why));
}

// In the server's order and with its words, as they are.
Result<void> validate(const Action& action, Timestamp now) {
  if (action.name().empty()) return invalid("action name is empty");
  if (action.target().empty()) return invalid("action target is empty");
  if (action.syntax_version() != kSyntaxVersion) return invalid("wring syntax version, expected 2");
  if (action.valid_from() > action.expire_after()) return invalid("action expireafter is set before action validfrom");
  if (now > action.expire_after()) return invalid("action expireafter is in the past");
  if (!action.operations()) return invalid("action operations is empty");
  if (action.signatures().empty()) return invalid("action pgpsignatures is empty");
  return {};
}

auto too_long(std::size_t most) {
  return invalid("Failed to store action: 'pq: value too long for type character varying(" + std::to_string(most) +
                 ")'");
}

// A column of `most` characters cuts off blanks at the end of a text that do not fit.
Result<std::string> fit(std::string text, std::size_t most) {
  std::size_t length = characters(text);
  for (; length > most && text.back() == ' '; --length) text.pop_back();
  if (length > most) return too_long(most);
  return text;
}

Result<void> fit_columns(ActionRow& row, const Action& action) {
  std::size_t signatures = 0;
  for (const auto& signature : action.signatures()) signatures += characters(signature);
  auto name = fit(action.name(), kMostNameCharacters);
  if (!name) return tl::unexpected(name.error());
  auto target = fit(action.target(), kMostTargetCharacters);
  if (!target) return tl::unexpected(target.error());
  if (signatures > kMostSignatureCharacters) return too_long(kMostSignatureCharacters);
  row.name = *std::move(name);
  row.target = *std::move(target);
  return {};
}

// The investigators that made the signatures, in their order.
Result<std::vector<std::int64_t>> verify_signatures(const Action& action, Investigators& investigators) {
  const std::string text = action.signed_text();
  std::vector<std::int64_t> signers;
  for (const auto& signature : action.signatures()) {
    const auto id = investigators.verify(text, signature);
    if (!id) return invalid("VerifySignatures() -> " + id.error().what);
    signers.push_back(*id);
  }
  return signers;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) list += (list.size() > 1 ? "," : "") + mig_runner::mig::json_string(text);
  return list + "]";
}

}  // namespace

// The steps are the original's, in its order: decode, validate, verify, insert the action, and only then, each by
// itself, its signatures. A failure of the last kind leaves an action that is stored and worked on.
Result<Api::Posted> Api::read_action(const Request& request) {
  const Form form = parse_form(request.body);
  const auto field = form.find("action");
  const std::string posted = field == form.end() ? std::string() : field->second;
  if (auto fault = go_syntax_error(posted); !fault.empty()) return invalid(std::move(fault));
  const auto action = Action::parse(posted);
  if (!action) return invalid("json: " + action.error().what);
  if (auto valid = validate(*action, world_.clock.now()); !valid) return tl::unexpected(valid.error());
  const auto signers = verify_signatures(*action, investigators_);
  if (!signers) return tl::unexpected(signers.error());
  const auto valid_from = parse_micros(action->valid_from_text());
  const auto expire_after = parse_micros(action->expire_after_text());
  if (!valid_from) return tl::unexpected(valid_from.error());
  if (!expire_after) return tl::unexpected(expire_after.error());
  Posted result;
  ActionRow& row = result.action;
  row.id = world_.ids.take();
  if (auto fits = fit_columns(row, *action); !fits) return tl::unexpected(fits.error());
  row.description = action->description_json();
  row.threat = action->threat_json();
  row.operations = action->operations_json();
  row.signatures = json_list(action->signatures());
  row.valid_from = *valid_from;
  row.expire_after = *expire_after;
  for (std::size_t i = 0; i < signers->size(); ++i)
    result.signatures.push_back({row.id, (*signers)[i], action->signatures()[i]});
  mig_runner::mig::ServerFields server;
  server.id = row.id;
  server.status = row.status;
  server.start_time = "0009-01-11T11:11:11.000000011Z";
  server.finish_time = "9998-01-11T11:11:11.000000011Z";
  server.last_update_time = server.start_time;
  result.document = action->stored_document(server);
  return result;
}

// The newest of the others, else one that was never posted.
ActionRow Api::another_than(const ActionRow& action) {
  auto others = world_.store.find_actions({"id <> CAST(? AS INTEGER)", {std::to_string(action.id)}, "id DESC", 1, 0});
  if (!others.empty()) return std::move(others.front());
  ActionRow other = action;
  other.id = world_.ids.take();
  other.name = "another action";
  other.signatures = R"(["wsBcBAABCAAQBQJrDYOR=fHE+"])";
  return other;
}

// The steps after the action is stored; an Error leaves it stored.
Result<void> Api::store_signatures(const Posted& posted, const Quirks& quirks) {
  if (quirks.has(FaultKind::orphan)) return {};
  for (const auto& signature : posted.signatures) {
    if (quirks.has(FaultKind::stored_500))
      return invalid("Failed to store signature: 'pq: permission denied for table signatures'");
    if (!world_.store.insert_signature(signature))
      return invalid(
          "Failed to store signature: 'pq: duplicate key value violates unique constraint "
          "\"signatures_actionid_investigatorid_idx\"'");
  }
  return {};
}

Answer Api::create_action(const Request& request, const Quirks& quirks) {
  auto posted = read_action(request);
  PostRecord post;
  post.received = to_micros(world_.clock.now());
  post.status = posted ? 202 : 500;
  post.fault = quirks.fault_name();
  if (posted) {
    post.action_id = posted->action.id;
    if (quirks.is_of_the_action()) posted->action.fault = quirks.fault->text();
  }
  world_.store.record_post(post, posted ? &posted->action : nullptr);
  if (!posted) return refuse(request, 500, posted.error().what);
  posted_();
  const std::int64_t id = posted->action.id;
  if (const auto stored = store_signatures(*posted, quirks); !stored) {
    world_.store.amend_post(id, 500);
    return refuse(request, 500, stored.error().what);
  }
  auto out = collection(request);
  if (quirks.has(FaultKind::other_action)) {
    const ActionRow other = another_than(posted->action);
    out.add(address_of("action", other.id), "action ID " + std::to_string(other.id),
            action_document(other, investigators_, ActionView::whole));
  } else {
    out.add(address_of("action", id), "action ID " + std::to_string(id), posted->document);
  }
  return {202, out.finish()};
}

}  // namespace mig_sandbox
