#pragma once

#include "sandbox/faults/faults.h"
#include "sandbox/http/message.h"
#include "sandbox/store/store.h"

namespace mig_sandbox {

// What a test asks of the sandbox itself, below /sandbox/, without authentication (the server is on loopback) and never
// hit by faults:
//
//   GET    /sandbox/faults      the faults in force: {"faults":[{"id":1,"fault":"500:rate=1,count=2","hits":0}]}
//   POST   /sandbox/faults      a fault as --fault takes it, as the whole body; answers like GET
//   DELETE /sandbox/faults      ends them all; /sandbox/faults/ID ends one
//   GET    /sandbox/posts       what POST action/create/ stored, oldest first: [{"received":TIME,"id":ID,"name":..,
//                               "target":..,"validfrom":TIME,"expireafter":TIME,"pgpsignatures":[..],"status":202,
//                               "fault":".."}]; `fault` is what was done to the answer, `status` 500 where a signature
//                               could not be stored. One entry for each post: none is merged
//   GET    /sandbox/refused     what it refused: [{"received":TIME,"status":500,"fault":".."}]
class Control {
 public:
  // Both outlive this.
  Control(Store& store, Faults& faults) : store_(store), faults_(faults) {}

  static bool wants(const Request& request);
  Answer answer(const Request& request);

 private:
  Answer faults(const Request& request);
  Answer posts(bool accepted);

  Store& store_;
  Faults& faults_;
};

}  // namespace mig_sandbox
