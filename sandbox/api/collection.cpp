#include "sandbox/api/collection.h"

#include "mig/json_writer.h"

namespace mig_sandbox {

using mig_runner::mig::append_json_string;

Collection::Collection(std::string_view href) {
  text_ = R"({"collection":{"version":"1.0","href":)";
  append_json_string(text_, href);
}

void Collection::open_item(std::string_view href) {
  text_ += any_ ? R"(,{"href":)" : R"(,"items":[{"href":)";
  any_ = true;
  append_json_string(text_, href);
}

void Collection::begin(std::string_view href, std::string_view name) {
  open_item(href);
  text_ += R"(,"data":[{"name":)";
  append_json_string(text_, name);
  text_ += R"(,"value":)";
}

void Collection::end(std::string_view link) {
  text_ += "}]";
  if (!link.empty()) {
    text_ += R"(,"links":[{"rel":"action","href":)";
    append_json_string(text_, link);
    text_ += "}]";
  }
  text_ += '}';
}

void Collection::add(std::string_view href, std::string_view name, std::string_view value, std::string_view link) {
  begin(href, name);
  text_ += value;
  end(link);
}

void Collection::add_data(std::string_view href, std::string_view data) {
  open_item(href);
  text_ += R"(,"data":)";
  text_ += data;
  text_ += '}';
}

std::string Collection::finish(std::string_view code, std::string_view message) {
  if (any_) text_ += ']';
  text_ += R"(,"template":{},"error":{)";
  if (!code.empty()) {
    text_ += R"("code":)";
    append_json_string(text_, code);
    text_ += R"(,"message":)";
    append_json_string(text_, message);
  }
  text_ += "}}}";
  return std::move(text_);
}

}  // namespace mig_sandbox
