#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/http.h"

namespace mig_runner::test {

// A MIG API in memory behind the Http interface, with a script of faults. One thread.
class FakeApi {
 public:
  enum class Post { accept, refuse, unavailable, lost_accepted, lost_not_accepted };
  // What one post meets, whatever the API would do by itself.
  struct Reply {
    enum class Stores { no, yes, later } stores = Stores::no;  // later: it goes to `lost`
    std::optional<api::HttpAnswer> answer;                     // none: the connection ends without one
  };
  // An error document of the API, and a page that is none.
  static api::HttpAnswer error(long status, const std::string& message);
  static api::HttpAnswer page(long status, const std::string& retry_after = "");

  struct Stored {
    std::int64_t id = 0;
    std::string document;  // as posted
    std::string name;
    std::string status = "completed";
    std::int64_t sent = 0;
    std::vector<std::int64_t> commands;  // ids, in the order the API lists them
    // By command; where nothing is said, it is a success.
    std::map<std::int64_t, std::string> statuses;
    std::map<std::int64_t, std::string> results;  // JSON
    bool orphan = false;  // its signature is missing in the API's database: counted, and never listed

    std::int64_t waiting() const;  // commands that have not ended
    void set_all(const std::string& status_of_all);
  };

  std::unique_ptr<api::Http> http();

  // What the next posts meet; Post::accept once it is empty.
  std::deque<Post> script;
  std::deque<Reply> replies;     // before `script`
  bool down = false;             // every request but posts fails
  std::string target_complaint;  // the API answers so to whoever asks which agents a target matches
  int target_searches = 0;
  std::optional<api::HttpAnswer> read_answer;  // to any request but posts
  std::string command_answer;                  // instead of any page of commands, where not empty
  std::vector<Stored> actions;                 // accepted ones
  std::vector<Stored> lost;                    // requests on their way: a test may let them arrive
  int posts = 0;                               // received, whatever became of them
  int searches = 0;
  int requests = 0;                          // of any kind
  int commands_per_action = 0;               // new actions get so many
  std::set<std::int64_t> unlisted;           // commands: a page that would hold one is refused
  std::function<void(Stored&)> before_page;  // may reorder the list between pages
  std::function<void()> before_posts;        // called before posts that go out together
  std::function<void()> around_exchange;     // called before and after each; may throw, as a crash there

  Result<api::HttpAnswer> answer(const api::HttpRequest& request);

 private:
  Result<api::HttpAnswer> answer_now(const api::HttpRequest& request);
  Result<api::HttpAnswer> post(const api::HttpRequest& request);
  Result<api::HttpAnswer> reply(Stored stored);
  Result<api::HttpAnswer> list_commands(const std::string& url);
  Result<api::HttpAnswer> list_actions(const std::string& url);
  Result<api::HttpAnswer> list_agents();
  Result<api::HttpAnswer> show_action(const std::string& url);
};

}  // namespace mig_runner::test
