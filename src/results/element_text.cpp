#include "results/element_text.h"

#include <fmt/format.h>

#include <charconv>

namespace mig_runner::results {
namespace {

using Take = std::function<void(const std::string& search, const std::string& what)>;

// Systems give ports from here on to connections that ask for none.
constexpr int kFirstFreePort = 32768;

std::string json_dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_true(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

// The file module lists a nameless file for a search that found nothing.
std::string file_text(const Json& element) {
  auto text = text_at(element, "file");
  if (text.empty()) return text;
  if (const auto sum = text_at(member(element, "fileinfo"), "sha256"); !sum.empty()) text += " sha256 " + sum;
  return text;
}

int port_at(const Json& element, const char* key) {
  const auto text = text_at(element, key);
  int port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

// Of a connection, the port of the side that asked for none is another one each time.
std::string socket_text(const Json& element) {
  const auto local = port_at(element, "localport"), remote = port_at(element, "remoteport");
  const auto address = [&](const char* host, int port, int other) {
    const bool free = other > 0 && port >= kFirstFreePort && port > other;
    return text_at(element, host) + (port == 0 || free ? "" : ":" + std::to_string(port));
  };
  const auto peer = address("remoteaddr", remote, local);
  return address("localaddr", local, remote) + (peer.empty() ? "" : " - " + peer);
}

std::string element_text(const std::string& module, const Json& element) {
  if (element.is_string()) return element.get<std::string>();
  if (element.is_boolean() && !element.get<bool>()) return "";
  if (module == "file" && element.contains("file")) return file_text(element);
  if (module == "pkg" && element.contains("name"))
    return fmt::format("{} {}", text_at(element, "name"), text_at(element, "version"));
  if (module == "netstat" && element.contains("localaddr")) return socket_text(element);
  if (module == "memory" && element.contains("process")) return text_at(member(element, "process"), "name");
  return json_dump(element);
}

void take_value(const std::string& module, const std::string& search, const Json& value, const Take& take) {
  if (value.is_null()) return;
  if (value.is_array()) {
    for (const auto& element : value) take_value(module, search, element, take);
    return;
  }
  if (const auto text = element_text(module, value); !text.empty()) take(search, text);
}

// How long it took is another number each time.
void take_ping(const Json& elements, const Take& take) {
  const auto protocol = text_at(elements, "protocol");
  take("", text_at(elements, "resolvedhost") + " answers" + (protocol.empty() ? "" : " (" + protocol + ")"));
}

// By how much it is off is another number each time.
void take_drift(const Json& elements, const Take& take) {
  if (is_true(elements, "hascheckeddrift") && !is_true(elements, "iswithindrift"))
    take("", "the clock is not within the drift that was asked for");
}

// Tests that came out false, and what they did not match, are listed too.
void take_scribe(const Json& elements, const Take& take) {
  for (const auto& test : member(elements, "results")) {
    if (!is_true(test, "masterresult")) continue;
    const auto id = text_at(test, "testid");
    bool any = false;
    for (const auto& part : member(test, "results")) {
      if (!is_true(part, "result") || text_at(part, "identifier").empty()) continue;
      any = true;
      take(id, text_at(part, "identifier"));
    }
    if (!any) take(id, text_at(test, "description").empty() ? "true" : text_at(test, "description"));
  }
}

}  // namespace

std::string text_at(const Json& object, const char* key) {
  const auto& found = member(object, key);
  if (found.is_null()) return "";
  return found.is_string() ? found.get<std::string>() : json_dump(found);
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

void each_finding(const std::string& module, const Json& result, const Take& take) {
  const auto& elements = member(result, "elements");
  if (module == "timedrift") return take_drift(elements, take);
  if (!is_true(result, "foundanything")) return;
  if (module == "ping") return take_ping(elements, take);
  if (module == "scribe" && member(elements, "results").is_array()) return take_scribe(elements, take);
  if (!elements.is_object()) return take_value(module, "", elements, take);
  for (const auto& [search, value] : elements.items()) {
    // Netstat has one list for each address or port that was asked for.
    if (module == "netstat" && value.is_object()) {
      for (const auto& [asked, list] : value.items()) take_value(module, search + " " + asked, list, take);
    } else {
      take_value(module, search, value, take);
    }
  }
}

}  // namespace mig_runner::results
