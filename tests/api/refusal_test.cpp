#include "api/refusal.h"

#include <gtest/gtest.h>

#include <string>

namespace mig_runner::api {
namespace {

TEST(Refusal, FaultsOfTheAction) {
  for (const std::string text :
       {"invalid character 'b' looking for beginning of object key string", "unexpected end of JSON input",
        "json: cannot unmarshal string into Go struct field Action.operations of type []mig.Operation",
        "VerifySignatures() -> openpgp: invalid data: tag byte does not have MSB set",
        "parsing time \"\\\"x\\\"\" as \"\\\"2006-01-02T15:04:05Z07:00\\\"\": cannot parse",
        "Action.Target is empty. Expecting string.", "Wrong Syntax Version integer. Expecting version 2",
        "Action.ExpireAfter is passed. Action has expired.", "Permission denied for operation #0 'memory'",
        "pq: value too long for type character varying(2048)", "pq: integer out of range",
        "pq: unsupported Unicode escape sequence", "pq: invalid input syntax for type json",
        "pq: invalid byte sequence for encoding \"UTF8\": 0x00"})
    EXPECT_TRUE(is_fault_of_the_action(text)) << text;
}

TEST(Refusal, FaultsThatPass) {
  for (const std::string text :
       {"", "pq: sorry, too many clients already", "pq: permission denied for relation actions",
        "pq: the database system is shutting down", "dial tcp 127.0.0.1:5432: connect: connection refused",
        "VerifySignatures() -> dial tcp 127.0.0.1:5432: i/o timeout", "sql: database is closed",
        "x509: certificate has expired or is not yet valid", "read tcp 127.0.0.1:5432: connection reset by peer",
        "Action.insert: context deadline exceeded", "unexpected EOF", "something new"})
    EXPECT_FALSE(is_fault_of_the_action(text)) << text;
}

}  // namespace
}  // namespace mig_runner::api
