#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace mig_runner::test {

// A file of tests/data/vectors.
inline nlohmann::json load_vectors(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(MIG_TEST_DATA "/vectors/" + name));
}

}  // namespace mig_runner::test
