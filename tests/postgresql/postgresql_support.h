#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "store/administration.h"
#include "store/run_store.h"
#include "support/postgresql_server.h"

namespace mig_runner::store {

// A database with the schema, on the program's server.
struct PostgresqlDatabase {
  PostgresqlDatabase() { EXPECT_TRUE(make_schema(location())); }

  Location location() const { return Location::parse(server.uri(name), "").value(); }
  std::unique_ptr<RunStore> open(const std::string& owner = "runner") const {
    auto opened = RunStore::open(location(), owner, Timestamp{});
    if (!opened) ADD_FAILURE() << opened.error().text();
    return opened ? std::move(opened->store) : nullptr;
  }
  std::string query(const std::string& sql) const { return server.query(name, sql); }

  test::PostgresqlServer& server = test::PostgresqlServer::shared();
  const std::string name = server.new_database();
};

}  // namespace mig_runner::store
