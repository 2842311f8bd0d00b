// The store's contract on a PostgreSQL that this program starts itself.

#include "postgresql_support.h"
#include "store/store_contract.h"

namespace mig_runner::store {
namespace {

class Database final : public TestDatabase {
 public:
  std::unique_ptr<RunStore> open() override { return database_.open(); }

 private:
  PostgresqlDatabase database_;
};

INSTANTIATE_TEST_SUITE_P(Databases, StoreContract,
                         testing::Values(TestBackend{"PostgreSQL", [] { return std::make_unique<Database>(); }}),
                         backend_name);

}  // namespace
}  // namespace mig_runner::store
