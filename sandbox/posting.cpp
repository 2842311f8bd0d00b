#include <algorithm>
#include <string>
#include <vector>

#include "mig/action.h"
#include "mig/json_writer.h"
#include "sandbox/api.h"
#include "sandbox/go_json.h"

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

Result<void> validate(const Action& action, Timestamp now) {
  if (action.name().empty()) return invalid("Action.Name is empty. Expecting string.");
  if (action.target().empty()) return invalid("Action.Target is empty. Expecting string.");
  if (action.syntax_version() != kSyntaxVersion) return invalid("Wrong Syntax Version integer. Expecting version 2");
  if (action.valid_from_text() == kNoTime) return invalid("Action.ValidFrom is empty. Expecting string.");
  if (action.expire_after_text() == kNoTime) return invalid("Action.ExpireAfter is empty. Expecting string.");
  if (action.valid_from() > action.expire_after()) return invalid("Action.ExpireAfter is set before Action.ValidFrom.");
  if (now > action.expire_after()) return invalid("Action.ExpireAfter is passed. Action has expired.");
  if (action.signatures().empty()) return invalid("Action.PGPSignatures is empty. Expecting array of strings.");
  return {};
}

Result<void> fits_columns(const Action& action) {
  std::size_t signatures = 0;
  for (const auto& signature : action.signatures()) signatures += characters(signature);
  const auto too_long = [](std::size_t most) {
    return invalid("Error while inserting action: 'pq: value too long for type character varying(" +
                   std::to_string(most) + ")'");
  };
  if (characters(action.name()) > kMostNameCharacters) return too_long(kMostNameCharacters);
  if (characters(action.target()) > kMostTargetCharacters) return too_long(kMostTargetCharacters);
  if (signatures > kMostSignatureCharacters) return too_long(kMostSignatureCharacters);
  return {};
}

// The ids of the signers as "[1,2]", each once.
Result<std::string> verify_signatures(const Action& action, Investigators& investigators) {
  const std::string text = action.signed_text();
  std::vector<std::int64_t> ids;
  for (const auto& signature : action.signatures()) {
    const auto id = investigators.verify(text, signature);
    if (!id) return invalid("VerifySignatures() -> " + id.error().what);
    if (std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
  std::string list = "[";
  for (const auto id : ids) list += (list.size() > 1 ? "," : "") + std::to_string(id);
  return list + "]";
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) list += (list.size() > 1 ? "," : "") + mig_runner::mig::json_string(text);
  return list + "]";
}

}  // namespace

// Reads, checks and verifies what was posted; `document` becomes the stored action as it is answered.
Result<ActionRow> Api::read_action(const Request& request, std::string& document) {
  const Form form = parse_form(request.body);
  const auto field = form.find("action");
  const std::string posted = field == form.end() ? std::string() : field->second;
  if (auto fault = go_syntax_error(posted); !fault.empty()) return invalid(std::move(fault));
  const auto action = Action::parse(posted);
  if (!action) return invalid("json: " + action.error().what);
  if (auto valid = validate(*action, world_.clock.now()); !valid) return tl::unexpected(valid.error());
  const auto signers = verify_signatures(*action, world_.investigators);
  if (!signers) return tl::unexpected(signers.error());
  if (auto fits = fits_columns(*action); !fits) return tl::unexpected(fits.error());
  const auto valid_from = parse_micros(action->valid_from_text());
  const auto expire_after = parse_micros(action->expire_after_text());
  if (!valid_from) return tl::unexpected(valid_from.error());
  if (!expire_after) return tl::unexpected(expire_after.error());
  ActionRow row;
  row.id = world_.ids.take();
  row.name = action->name();
  row.target = action->target();
  row.description = action->description_json();
  row.threat = action->threat_json();
  row.operations = action->operations_json();
  row.signatures = json_list(action->signatures());
  row.investigators = *signers;
  row.valid_from = *valid_from;
  row.expire_after = *expire_after;
  mig_runner::mig::ServerFields server;
  server.id = row.id;
  server.status = row.status;
  server.start_time = "0009-01-11T11:11:11.000000011Z";
  server.finish_time = "9998-01-11T11:11:11.000000011Z";
  server.last_update_time = server.start_time;
  document = action->stored_document(server);
  return row;
}

Answer Api::create_action(const Request& request, const Quirks& quirks) {
  std::string document;
  const auto action = read_action(request, document);
  PostRecord post;
  post.received = to_micros(world_.clock.now());
  post.status = action ? 202 : 500;
  post.fault = quirks.fault;
  if (action) post.action_id = action->id;
  world_.store.record_post(post, action ? &*action : nullptr);
  if (!action) return refuse(request, post.status, action.error().what);
  posted_();
  auto out = collection(request);
  out.add(address_of("action", action->id), "action ID " + std::to_string(action->id), document);
  return {post.status, out.finish()};
}

}  // namespace mig_sandbox
