#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/dice.h"

namespace mig_sandbox {

// The operations of an action, read once, and what simulated agents make of them: results in the shapes of real
// agents' for file, pkg, netstat and ping; other modules are not available. A value; safe to read from any thread.
class FleetScript {
 public:
  // `operations` is the action's JSON text. What cannot be read makes operations that fail.
  explicit FleetScript(std::string_view operations);

  std::size_t size() const { return operations_.size(); }
  // False where no agent has the module or the parameters make no sense.
  bool can_run(std::size_t operation) const { return operations_[operation].problem.empty(); }
  // A number that is the same for the same questions, whatever action asks them.
  std::uint64_t seed(std::size_t operation) const;
  // Appends the result of one operation; `found` says what it comes to.
  void append_result(std::string& out, std::size_t operation, bool found, Dice dice) const;
  // Appends the results of a command without an answer: one for each operation, empty.
  void append_empty(std::string& out) const;
  static void append_failure(std::string& out, std::string_view error);

 private:
  enum class Module { none, file, pkg, netstat, ping };
  // One question of an operation: a search of file, a package pattern, an address or port of netstat.
  struct Question {
    std::string label;   // JSON text
    std::string group;   // netstat: the kind of the question
    std::string answer;  // what is found, as far as it is always the same: JSON text
    std::string nothing = "null";
    bool with_hash = false;
    std::string hash = {};            // the SHA-256 that is searched for; empty: any
    std::string mode = "-rw-r--r--";  // one that the search allows
  };
  struct Operation {
    Module module = Module::none;
    std::string problem;
    std::vector<Question> questions;
    std::string host;
    std::string protocol;
  };

  struct Reader;
  void append_file(std::string& out, const Operation& operation, bool found, Dice& dice) const;
  void append_packages(std::string& out, const Operation& operation, bool found, Dice& dice) const;
  void append_netstat(std::string& out, const Operation& operation, bool found, Dice& dice) const;
  void append_ping(std::string& out, const Operation& operation, bool found, Dice& dice) const;

  std::vector<Operation> operations_;
};

}  // namespace mig_sandbox
