#include "api/refusal.h"

#include <gtest/gtest.h>

#include <string>

namespace mig_runner::api {
namespace {

TEST(Refusal, OfTheActionBeforeItIsStored) {
  for (const std::string text :
       {"invalid character 'b' looking for beginning of object key string", "unexpected end of JSON input",
        "json: cannot unmarshal string into Go struct field Action.operations of type []mig.Operation",
        "parsing time \"\\\"x\\\"\" as \"\\\"2006-01-02T15:04:05Z07:00\\\"\": cannot parse", "http: POST too large",
        "action name is empty", "action pgpsignatures is empty", "action expireafter is set before action validfrom",
        "action expireafter is in the past", "wring syntax version, expected 2",
        "Action.Target is empty. Expecting string.", "Wrong Syntax Version integer. Expecting version 2",
        "Action.ExpireAfter is passed. Action has expired.",
        "Failed to store action: 'pq: value too long for type character varying(2048)'",
        "Failed to store action: 'pq: integer out of range'",
        "Failed to store action: 'pq: unsupported Unicode escape sequence'",
        "Failed to store action: 'pq: invalid input syntax for type json'",
        "Failed to store action: 'pq: invalid byte sequence for encoding \"UTF8\": 0x00'"})
    EXPECT_EQ(refusal_in(text), Refusal::of_action) << text;
}

TEST(Refusal, OfTheSignatureBeforeTheActionIsStored) {
  for (const std::string text :
       {"VerifySignatures() -> openpgp: invalid data: tag byte does not have MSB set",
        "VerifySignatures() -> openpgp: invalid signature: RSA verification failure",
        "VerifySignatures() -> openpgp: invalid signature: hash tag doesn't match", "VerifySignatures() -> EOF",
        "failed to verify PGP Signature", "invalid PGP Signature"})
    EXPECT_EQ(refusal_in(text), Refusal::of_signature) << text;
}

TEST(Refusal, OfTheServersOwnTroubleBeforeTheActionIsStored) {
  for (const std::string text :
       {"VerifySignatures() -> dial tcp 127.0.0.1:5432: i/o timeout", "VerifySignatures() -> pq: too many clients"})
    EXPECT_EQ(refusal_in(text), Refusal::of_this_moment) << text;
}

// Each of these can follow the INSERT of the action, or end it before its outcome is known.
TEST(Refusal, WhatMayFollowTheInsertProvesNothing) {
  for (const std::string text :
       {"",
        "Failed to store signature: 'pq: permission denied for table signatures'",
        "Failed to store signature: 'pq: value too long for type character varying(4096)'",
        "Failed to store signature: 'pq: invalid input syntax for type bigint'",
        "Error while finding investigator: 'sql: no rows in result set'",
        "Error while finding investigator: 'json: cannot unmarshal string into Go value'",
        "GetFingerprintFromSignature() -> openpgp: invalid signature",
        "openpgp: signature made by unknown entity",
        "getKeyring() -> makeKeyring() -> pq: sorry, too many clients already",
        "Failed to store action: 'pq: terminating connection due to administrator command'",
        "Failed to store action: 'read tcp 127.0.0.1:5432: connection reset by peer'",
        "Failed to store action: 'driver: bad connection'",
        "Failed to store action: 'pq: duplicate key value violates unique constraint \"actions_pkey\"'",
        "pq: sorry, too many clients already",
        "pq: permission denied for relation actions",
        "pq: value too long for type character varying(2048)",
        "pq: the database system is shutting down",
        "dial tcp 127.0.0.1:5432: connect: connection refused",
        "sql: database is closed",
        "x509: certificate has expired or is not yet valid",
        "unexpected EOF",
        "runtime error: invalid memory address or nil pointer dereference",
        "Permission denied for operation #0",
        "something new"})
    EXPECT_EQ(refusal_in(text), Refusal::unproven) << text;
}

}  // namespace
}  // namespace mig_runner::api
