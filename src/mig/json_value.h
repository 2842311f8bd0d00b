#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mig_runner::mig {

struct JsonMember;

// A JSON value and where it stands in the text that it was read from.
struct JsonValue {
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;                 // a string's value as valid UTF-8; a number as it was written
  std::vector<JsonValue> items;     // an array's
  std::vector<JsonMember> members;  // an object's, all of them, in the order of the text
  std::size_t begin = 0;            // byte offsets
  std::size_t end = 0;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

}  // namespace mig_runner::mig
