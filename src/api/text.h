#pragma once

#include <string>
#include <string_view>

// Text of the other side, and addresses, made fit for a message. Private to the room.
namespace mig_runner::api {

// The beginning of `text`, at most 300 bytes of it, as printable().
std::string excerpt(std::string_view text);

// The first words of a page, at most 120 bytes, without the tags of HTML and with one blank between words; safe as
// excerpt() is.
std::string first_words(std::string_view page);

// An address without what may be secret or long: no "user:password@", no query.
std::string shown_url(std::string_view url);

}  // namespace mig_runner::api
