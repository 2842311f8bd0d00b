#include "store/sql/postgresql.h"

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

#include "base/percent.h"

namespace mig_runner::store {
namespace {

using Parameters = std::map<std::string, std::string>;

// Used where neither the URI nor the environment variable says otherwise.
struct Default {
  const char* name;
  const char* variable;  // may be null
  const char* value;
};
constexpr std::array kDefaults{
    Default{"connect_timeout", "PGCONNECT_TIMEOUT", "10"},
    Default{"application_name", "PGAPPNAME", "mig-runner"},
    Default{"keepalives_idle", nullptr, "10"},
    Default{"keepalives_interval", nullptr, "5"},
    Default{"keepalives_count", nullptr, "3"},
    Default{"tcp_user_timeout", nullptr, "25000"},
    // Of several hosts, the one that takes writes.
    Default{"target_session_attrs", "PGTARGETSESSIONATTRS", "read-write"},
};

// Empty where the URI is none.
Parameters parse(const std::string& uri) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(uri.c_str(), &message),
                                                                               PQconninfoFree);
  PQfreemem(message);  // it may hold parts of a password
  Parameters parameters;
  if (!options) return parameters;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0') parameters[option->keyword] = option->val;
  return parameters;
}

// SOCI takes the string apart at spaces and at its first '=': everything is written as an option, encoded.
std::string with_defaults(const std::string& uri) {
  auto parameters = parse(uri);
  for (const auto& [name, variable, value] : kDefaults)
    if (variable == nullptr || std::getenv(variable) == nullptr) parameters.try_emplace(name, value);
  parameters["client_encoding"] = "UTF8";
  std::string text;
  for (const auto& [name, value] : parameters)
    text += (text.empty() ? "postgresql:///?" : "&") + name + '=' + percent_encode(value);
  return text;
}

PGconn* connection_of(soci::session& session) {
  const auto* backend = static_cast<soci::postgresql_session_backend*>(session.get_backend());
  return backend == nullptr ? nullptr : backend->conn_;
}

// The server's hints and details, on further lines, may quote what a statement was given.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// What SOCI says before it does not add anything.
std::string libpq_text(const soci::soci_error& error) {
  static constexpr std::string_view kBefore = "Cannot establish connection to the database.";
  std::string text = error.get_error_message();
  if (text.starts_with(kBefore)) text.erase(0, kBefore.size());
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.erase(0, 1);
  return text;
}

// libpq quotes values that it does not understand, and one may be a part of a password that was cut at a character with
// a meaning.
std::string without_values(std::string text, const std::string& uri) {
  for (const auto& [name, value] : parse(uri)) {
    if (name == "host" || name == "port" || name == "user" || name == "dbname") continue;
    const auto quoted = '"' + value + '"';
    static constexpr std::string_view kHidden = "\"..\"";
    for (auto at = text.find(quoted); at != std::string::npos; at = text.find(quoted, at + kHidden.size()))
      text.replace(at, quoted.size(), kHidden);
  }
  return text;
}

std::string on_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (auto& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return text;
}

}  // namespace

std::string uri_problem(const std::string& uri) {
  const auto parameters = parse(uri);
  if (parameters.empty() && uri.find('%') != std::string::npos)
    return "the database's URI cannot be read: a '%' in it is written %25";
  // An '@' or '/' in a password ends it early, and a part of it passes for the host, port or database.
  for (const auto* name : {"host", "port", "dbname", "user"}) {
    const auto found = parameters.find(name);
    if (found != parameters.end() && found->second.find('@') != std::string::npos)
      return "the database's URI cannot be read: in a password '@' is written %40, '/' %2F, ':' %3A, '%' %25";
  }
  // A part of a password passes for the port where it is not encoded, or where a comment of the configuration cut it
  // off.
  const auto port = parameters.find("port");
  if (port != parameters.end() && port->second.find_first_not_of("0123456789,") != std::string::npos)
    return "the database's URI cannot be read: its port is no number; in a password ':' is written %3A, '#' %23, ';' "
           "%3B,"
           " and a value that holds such characters stands in quotes";
  return parameters.empty() ? "the database's URI cannot be read: it must be \"postgresql://USER@HOST/DATABASE\" with"
                              " options of libpq behind a '?'"
                            : "";
}

std::string describe_uri(const std::string& uri) {
  auto parameters = parse(uri);
  std::string text = "postgresql://";
  if (!parameters["user"].empty()) text += parameters["user"] + '@';
  text += parameters["host"];
  if (!parameters["port"].empty()) text += ':' + parameters["port"];
  return text + '/' + parameters["dbname"];
}

std::string unverified_host(const std::string& uri) {
  auto parameters = parse(uri);
  const auto value = [&](const char* name, const char* variable) {
    const auto found = parameters.find(name);
    if (found != parameters.end()) return found->second;
    const char* text = std::getenv(variable);
    return std::string(text != nullptr ? text : "");
  };
  const auto mode = value("sslmode", "PGSSLMODE");
  if (mode == "verify-full") return "";
  auto hosts = value("host", "PGHOST");
  if (hosts.empty()) hosts = value("hostaddr", "PGHOSTADDR");
  std::istringstream list(hosts);
  for (std::string host; std::getline(list, host, ',');) {
    const bool here = host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
                      host.starts_with("127.") || host == "::1";
    if (!here)
      return "the connection to " + host + " is made with sslmode=" + (mode.empty() ? "prefer" : mode) +
             ": on the way it can be read and changed, and with it what is collected and delivered; add "
             "sslmode=verify-full";
  }
  return "";
}

void connect_postgresql(soci::session& session, const std::string& uri) {
  try {
    session.open(soci::postgresql, with_defaults(uri));
  } catch (const soci::soci_error& error) {
    throw soci::soci_error(without_values(libpq_text(error), uri));
  }
  // libpq would write them to the standard error; what matters in them comes again as an error.
  PQsetNoticeProcessor(
      connection_of(session), [](void*, const char*) {}, nullptr);
}

// One statement, so one way to the server and back.
void prepare_postgresql(soci::session& session, std::chrono::milliseconds longest_call) {
  const auto all = std::to_string(longest_call.count());
  const auto half = std::to_string(longest_call.count() / 2);
  const auto seconds = std::to_string(std::max<long long>(longest_call.count() / 4000, 1));
  // Statements are short: to compile one takes longer than to execute it.
  Parameters wanted{{"client_min_messages", "warning"}, {"jit", "off"}};
  if (longest_call.count() > 0)
    wanted.insert({{"statement_timeout", all},
                   {"lock_timeout", half},
                   {"idle_in_transaction_session_timeout", half},
                   // As the server sees this side: an answer that nobody takes is no statement any more.
                   {"tcp_user_timeout", all},
                   {"tcp_keepalives_idle", seconds},
                   {"tcp_keepalives_interval", seconds},
                   {"tcp_keepalives_count", "3"}});
  std::string rows;
  for (const auto& [name, value] : wanted)
    rows.append(rows.empty() ? "" : ", ").append("('" + name + "', '" + value + "')");
  // What is told to be done survives a power cut, also where the server's own default is laxer. Settings that an older
  // server does not have are left out.
  session << "SELECT count(set_config(name, value, false)) FROM (VALUES " + rows +
                 " UNION ALL SELECT 'synchronous_commit', 'on' WHERE current_setting('synchronous_commit') = 'off')"
                 " AS wanted (name, value) WHERE EXISTS (SELECT FROM pg_settings WHERE pg_settings.name = wanted.name)";
}

int socket_of(soci::session& session) {
  return PQsocket(connection_of(session));
}

bool connection_lost(soci::session& session) {
  return session.get_backend() == nullptr || PQstatus(connection_of(session)) != CONNECTION_OK;
}

Error postgresql_failure(const std::string& sqlstate, const std::string& text, const std::string& where) {
  const auto failure = [&](const std::string& sentence, const std::string& detail) {
    return Error{sentence + " (" + detail + ")", where, Retry::later};
  };
  const auto is = [&](std::string_view code) { return std::string_view(sqlstate).starts_with(code); };
  if (is("53100")) return failure("the database's disk is full", first_line(text));
  if (is("53")) return failure("the database has too few resources", first_line(text));
  if (is("25006")) return failure("the database takes no writes", first_line(text));
  if (is("40") || is("55P03")) return failure("another transaction was in the way", first_line(text));
  if (is("57014")) return failure("the database takes too long", first_line(text));
  if (is("28")) return failure("the database refuses the user", first_line(text));
  if (is("42501")) return failure("the database's user may not do this", first_line(text));
  if (is("42P01") || is("42703") || is("3F000"))
    return failure(
        "a part of the schema is missing: bring it back from a backup, or drop what is left of it and call"
        " `mig-runner store init`",
        first_line(text));
  if (is("08") || is("57P") || is("25P03")) return failure("the database is away", first_line(text));
  // Without a code: the connection was not made, or libpq gave it up.
  if (sqlstate.empty() || is(" ")) return failure("there is no connection to the database", on_one_line(text));
  return failure("the database failed", first_line(text));
}

}  // namespace mig_runner::store
