#include "mig/action_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mig_runner::mig {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> remarks(std::string_view json) {
  std::vector<std::string> out;
  for (const auto& remark : check_template(json)) out.push_back(remark.where + ": " + remark.what);
  return out;
}

TEST(ActionCheck, NothingIsSaidAboutARightAction) {
  EXPECT_THAT(remarks(R"({"name":"n","target":"status='online'","description":{"author":"a","url":"u"},
      "threat":{"level":"low"},"Operations":[{"module":"pkg","parameters":{"anything":{"goes":1}}},
      {"module":"file","parameters":"H4sI","is_compressed":true,"want_compressed":true}],"syntaxversion":2})"),
              IsEmpty());
  EXPECT_THAT(remarks(R"({"target":"t","operations":[{"module":"m","parameters":{}}],"id":5,"status":"completed",
      "investigators":[],"starttime":"x","finishtime":"x","lastupdatetime":"x","counters":{},"pgpsignatures":[],
      "validfrom":"2026-01-01T00:00:00Z","expireafter":"2026-01-01T00:00:00Z"})"),
              IsEmpty());
}

TEST(ActionCheck, NothingIsSaidAboutWhatIsRefusedAnyway) {
  EXPECT_THAT(remarks("{"), IsEmpty());
  EXPECT_THAT(remarks(R"({"target":5,"opertions":[]})"), IsEmpty());
}

TEST(ActionCheck, EverythingIsSaidAtOnceInOrder) {
  EXPECT_THAT(
      remarks(R"({
  "targets": "status='online'",
  "target": " ",
  "description": {"autor": "a"},
  "threat": {"Level": "low", "level": "high", "kind": 1},
  "operations": [
    {"modul": "pkg", "parameters": {}},
    {"module": "file", "want_compresed": true},
    {"module": "", "parameters": {}, "is_compressed": true}
  ]})"),
      ElementsAre("2:14: \"targets\" is ignored: the fields of an action are name, target, description, threat, "
                  "operations",
                  "3:13: target is empty: it has to say which agents are meant",
                  "4:28: \"autor\" is ignored: the fields of a description are author, email, url, revision",
                  "5:39: \"level\" is given more than once: the last one counts",
                  "5:55: \"kind\" is ignored: the fields of a threat are ref, level, family, type",
                  "7:5: an operation without a module: agents answer that it is not available",
                  "7:15: \"modul\" is ignored: the fields of an operation are module, parameters, "
                  "is_compressed, want_compressed",
                  "8:5: an operation without parameters",
                  "8:42: \"want_compresed\" is ignored: the fields of an operation are module, parameters, "
                  "is_compressed, want_compressed",
                  "9:5: an operation without a module: agents answer that it is not available",
                  "9:34: parameters are said to be compressed (is_compressed), but are not text in base64"));
  EXPECT_THAT(remarks("{}"), ElementsAre("1:1: target is empty: it has to say which agents are meant",
                                         "1:1: there are no operations: agents have nothing to do"));
  EXPECT_THAT(remarks(R"({"target":"t","operations":[]})"),
              ElementsAre("1:28: there are no operations: agents have nothing to do"));
}

}  // namespace
}  // namespace mig_runner::mig
