#pragma once

#include <string>
#include <string_view>

namespace mig_sandbox {

// Writes a Collection+JSON document as the server does. One thread at a time.
class Collection {
 public:
  // `href` is what was asked for.
  explicit Collection(std::string_view href);

  // One item with one datum; `value` is JSON text. `link` is the address of the action that a command belongs to.
  void add(std::string_view href, std::string_view name, std::string_view value, std::string_view link = {});
  // The same in pieces, for large values: what is appended to text() between the two calls is the value.
  void begin(std::string_view href, std::string_view name);
  void end(std::string_view link = {});
  // An item with several data, given as JSON text.
  void add_data(std::string_view href, std::string_view data);
  std::string& text() { return text_; }

  // Ends the document, with an error where `code` is not empty.
  std::string finish(std::string_view code = {}, std::string_view message = {});

 private:
  void open_item(std::string_view href);

  std::string text_;
  bool any_ = false;
};

}  // namespace mig_sandbox
