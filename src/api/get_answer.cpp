#include "api/get_answer.h"

#include "api/answers.h"
#include "api/failed_answer.h"

namespace mig_runner::api {

tl::unexpected<Error> get_failure(HttpAnswer& answer, const std::string& where) {
  return tl::unexpected(failed_answer(answer, where, Retry::later));
}

bool is_end_of_list(HttpAnswer& answer) {
  return answer.status == 404 && error_message(answer.body) == kEndOfList;
}

Error at(Error error, const std::string& where) {
  if (error.where.empty()) error.where = where;
  return error;
}

}  // namespace mig_runner::api
