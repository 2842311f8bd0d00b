#include "mig/action.h"

#include <fmt/core.h>

#include <utility>

#include "base/utf8.h"
#include "mig/action_reader.h"
#include "mig/gzip.h"
#include "mig/json_reader.h"
#include "mig/json_writer.h"

namespace mig_runner::mig {
namespace {

constexpr std::uint16_t kSyntaxVersion = 2;

std::int64_t unix_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// An object of fields that are left out where they are empty.
class SparseObject {
 public:
  SparseObject& add(std::string_view name, std::string_view text) {
    if (!text.empty()) add_json(name, json_string(text));
    return *this;
  }
  SparseObject& add(std::string_view name, double number) {
    if (number != 0) add_json(name, json_number(number));
    return *this;
  }
  std::string finish() { return out_ + "}"; }

 private:
  void add_json(std::string_view name, std::string_view json) {
    out_ += fmt::format("{}\"{}\":{}", out_.size() > 1 ? "," : "", name, json);
  }

  std::string out_ = "{";
};

std::string signatures_json(std::span<const std::string> signatures) {
  if (signatures.empty()) return "null";
  std::string out = "[";
  for (const auto& signature : signatures) {
    if (out.size() > 1) out += ',';
    append_json_string(out, signature);
  }
  return out + "]";
}

}  // namespace

Result<Action> Action::parse(std::string_view json) {
  const auto value = read_json(json);
  if (!value) return tl::unexpected(value.error());
  return ActionReader(json).read(*value);
}

Result<void> Action::prepare(std::string name, Timestamp valid_from, Timestamp expire_after) {
  for (auto& operation : operations_ ? std::span(*operations_) : std::span<Operation>()) {
    if (!operation.want_compressed || operation.is_compressed) continue;
    const auto compressed = gzip_base64(operation.parameters);
    if (!compressed) return tl::unexpected(compressed.error());
    operation.parameters = json_string(*compressed);
    operation.is_compressed = true;
  }
  name_ = to_valid_utf8(name);
  valid_from_ = wire_time(valid_from);
  expire_after_ = wire_time(expire_after);
  syntax_version_ = kSyntaxVersion;
  return {};
}

void Action::set_target(std::string target) {
  target_ = to_valid_utf8(target);
}

std::string Action::signed_text() const {
  // The original signs what Go prints for a verb that does not fit its value.
  return fmt::format("name={};target={};validfrom={};expireafter=%!s(int64={});operations={};", name_, target_,
                     unix_seconds(valid_from()), unix_seconds(expire_after()), operations_json());
}

std::string Action::document(std::span<const std::string> signatures) const {
  return document(signatures, ServerFields{});
}

std::string Action::stored_document(const ServerFields& server) const {
  return document(signatures_, server);
}

std::string Action::document(std::span<const std::string> signatures, const ServerFields& server) const {
  std::string out = fmt::format(R"({{"id":{},"name":{},"target":{},"description":{},"threat":{})", server.id,
                                json_string(name_), json_string(target_), description_json(), threat_json());
  out += fmt::format(R"(,"validfrom":"{}","expireafter":"{}","operations":{},"pgpsignatures":{})", valid_from_.text,
                     expire_after_.text, operations_json(), signatures_json(signatures));
  if (!server.investigators.empty()) out += R"(,"investigators":)" + server.investigators;
  if (!server.status.empty()) out += R"(,"status":)" + json_string(server.status);
  out += fmt::format(R"(,"starttime":"{}","finishtime":"{}","lastupdatetime":"{}","counters":{},"syntaxversion":{}}})",
                     server.start_time, server.finish_time, server.last_update_time, server.counters, syntax_version_);
  return out;
}

std::string Action::description_json() const {
  return SparseObject()
      .add("author", description_.author)
      .add("email", description_.email)
      .add("url", description_.url)
      .add("revision", description_.revision)
      .finish();
}

std::string Action::threat_json() const {
  return SparseObject()
      .add("ref", threat_.ref)
      .add("level", threat_.level)
      .add("family", threat_.family)
      .add("type", threat_.type)
      .finish();
}

std::string Action::operations_json() const {
  if (!operations_) return "null";
  std::string out = "[";
  for (const auto& operation : *operations_) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"module":{},"parameters":{})", json_string(operation.module), operation.parameters);
    if (operation.is_compressed) out += R"(,"is_compressed":true)";
    if (operation.want_compressed) out += R"(,"want_compressed":true)";
    out += '}';
  }
  return out + "]";
}

}  // namespace mig_runner::mig
