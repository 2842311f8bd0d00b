#include "store/sql/failure.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>

#include <exception>
#include <stdexcept>

#include "store/sql/postgresql.h"

namespace mig_runner::store {
namespace {

Failure damage(const std::string& what, const std::string& where) {
  return {{"the database is damaged (" + what + ")", where, Retry::later}, true};
}

Failure sqlite_failure(int code, const std::string& what, const std::string& where) {
  const auto failure = [&](const std::string& sentence) {
    return Failure{{sentence + " (" + what + ")", where, Retry::later}, false};
  };
  switch (code & 0xff) {  // the rest of the code are details
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damage(what, where);
    case SQLITE_FULL:
      return failure("the disk is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return failure("another process keeps the database locked");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return failure("the database cannot be opened for writing");
    case SQLITE_IOERR:
      return failure("the disk failed to read or write the database");
    default:
      return failure("the database failed");
  }
}

}  // namespace

Failure current_failure(const std::string& where, const Dialect& dialect) {
  try {
    throw;
  } catch (const soci::sqlite3_soci_error& error) {
    return sqlite_failure(error.result(), error.get_error_message(), where);
  } catch (const soci::postgresql_soci_error& error) {
    return {postgresql_failure(error.sqlstate(), error.get_error_message(), where), false};
  } catch (const soci::soci_error& error) {
    // Thrown without a code where a connection cannot be made.
    if (dialect.server) return {postgresql_failure("", error.get_error_message(), where), false};
    // what() would repeat the statement with its parameters.
    return {{"the database failed (" + error.get_error_message() + ")", where, Retry::later}, false};
  } catch (const std::range_error& error) {
    // A server looks after its own files: somebody else has written there.
    if (dialect.server)
      return {{std::string("the database holds what no mig-runner has written (") + error.what() + ")", where,
               Retry::later},
              false};
    return damage(error.what(), where);
  } catch (const std::exception& error) {
    return {{std::string("the database failed (") + error.what() + ")", where, Retry::later}, false};
  }
}

}  // namespace mig_runner::store
