#include "api/command_fetcher.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "api/get_answer.h"
#include "api/page_reader.h"
#include "api/page_size.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

using std::chrono::milliseconds;

// The real server spends 4 ms and more on each row of a page.
constexpr milliseconds kPageTimeout = std::chrono::seconds(60);
constexpr milliseconds kRowTimeout = std::chrono::milliseconds(20);
constexpr std::size_t kMaxErrorBytes = std::size_t{1} << 20U;
// A hundred times the largest fleet thought of. A list that is longer does not end.
constexpr std::int64_t kMaxCommands = 10'000'000;
// How often a fetch goes on around what cannot be read ..
constexpr int kMaxDetours = 64;
// .. and how often in a row without having read anything: then the API is not there.
constexpr int kMaxVainDetours = 8;
// One answer may be large and the line slow.
constexpr milliseconds kTransferTimeout = std::chrono::minutes(15);

// Rows of the list, which are asked for as one page.
struct Rows {
  std::int64_t offset = 0;
  std::int64_t count = 0;
  bool again = false;           // a page that held them could not be read
  bool alone = false;           // one row, which may be what kept it from being read
  bool with_new_token = false;  // the token was refused before
};

struct Page {
  Rows rows;
  std::string token;
  std::unique_ptr<PageReader> reader;
};

}  // namespace

class CommandFetcher::Reading {
 public:
  Reading(CommandFetcher& fetcher, std::int64_t action_id, const FetchOptions& options, const CommandSink& sink)
      : fetcher_(fetcher),
        action_id_(action_id),
        side_by_side_(std::max(options.parallel_pages, 1)),
        expected_(std::clamp<std::int64_t>(options.expected, 0, kMaxCommands)),
        sink_(sink),
        page_size_(std::max(options.page_size, 1)) {}

  Result<FetchReport> run() {
    fetcher_.http_.perform_each(
        static_cast<std::size_t>(side_by_side_), [this] { return next(); },
        [this](std::size_t index, Result<HttpAnswer> answer) { done(index, std::move(answer)); });
    // Where nothing at all could be read, the line is to blame and not the agents.
    const bool in_vain = left_out_ > 0 && commands_ == left_out_;
    if (!failure_ && (in_vain || !to_read_again_.empty())) failure_ = last_trouble_;
    if (!failure_ && commands_ >= kMaxCommands)
      failure_ = Error{"its list of commands has " + std::to_string(kMaxCommands) + " rows and does not end", where(),
                       Retry::later};
    if (!failure_) return std::move(report_);
    if (failure_->retry == Retry::outcome_unknown) failure_->retry = Retry::later;
    return tl::unexpected(at(*failure_, where()));
  }

 private:
  std::string where() const { return shown_url(fetcher_.base_url_ + "search"); }

  std::optional<HttpRequest> next() {
    if (failure_) return std::nullopt;
    const auto rows = next_rows();
    if (!rows) return std::nullopt;
    const auto token = fetcher_.tokens_.header(fetcher_.signer_);
    if (!token) return failure_ = token.error(), std::nullopt;
    pages_.push_back({*rows, *token, std::make_unique<PageReader>(sink_, report_.unreadable)});
    ++under_way_;
    HttpRequest request;
    request.url = fetcher_.base_url_ + "search?type=command&limit=" + std::to_string(rows->count) +
                  "&offset=" + std::to_string(rows->offset) + "&actionid=" + std::to_string(action_id_);
    request.headers = {*token};
    request.timeout = kTransferTimeout;
    request.stall_timeout = kPageTimeout + kRowTimeout * rows->count;
    request.max_answer_bytes = kMaxErrorBytes;
    request.body_sink = pages_.back().reader.get();
    return request;
  }

  std::optional<Rows> next_rows() {
    if (!to_read_again_.empty()) {
      auto rows = to_read_again_.back();
      to_read_again_.pop_back();
      const auto count = std::min(rows.count, page_size_.rows());
      if (count < rows.count) to_read_again_.push_back({rows.offset + count, rows.count - count, true});
      rows.count = count;
      return rows;
    }
    if (list_ended_ || commands_ >= kMaxCommands) return std::nullopt;
    const auto left = expected_ - next_offset_;
    if (left <= 0 && !may_read_on()) return std::nullopt;
    const auto count = page_size_.rows();
    return Rows{std::exchange(next_offset_, next_offset_ + count), count};
  }

  // Behind the expected commands: page by page while their number is not known, else once, if there are more of them.
  bool may_read_on() {
    if (under_way_ > 0) return false;
    if (expected_ == 0) return true;
    return commands_ > expected_ && !std::exchange(read_on_, true);
  }

  void done(std::size_t index, Result<HttpAnswer> answer) {
    --under_way_;
    auto page = std::move(pages_[index]);
    if (failure_) return;
    if (answer && answer->status == 401 && ask_with_new_token(page)) return;
    if (answer && is_end_of_list(*answer)) {
      list_ended_ = list_ended_ || !page.rows.again;
      vain_detours_ = 0;  // the API answers
      return;
    }
    if (answer && answer->status != 200)
      return not_answered(page, get_failure(*answer, where()).value(), answer->status);
    auto read = answer ? page.reader->take(answer->body) : tl::unexpected(answer.error());
    if (read) read = page.reader->finish();
    commands_ += page.reader->rows();
    if (page.reader->sink_failed()) {
      failure_ = read.error();
    } else if (read) {
      came(page, *answer);
    } else if (page.reader->rows() > 0 || page.reader->is_within_command()) {
      broke_off(page, read.error());
    } else {
      not_answered(page, read.error(), 0);
    }
  }

  bool ask_with_new_token(const Page& page) {
    fetcher_.tokens_.reject(page.token);
    // An API key stays the same: asking again would give the same.
    if (page.rows.with_new_token || fetcher_.tokens_.header(fetcher_.signer_) == page.token) return false;
    to_read_again_.push_back(page.rows);
    to_read_again_.back().with_new_token = true;
    return true;
  }

  void came(const Page& page, const HttpAnswer& answer) {
    vain_detours_ = 0;
    const auto rows = page.reader->rows();
    if (page.rows.again && rows < page_size_.rows()) return;
    page_size_.came(rows, page.reader->bytes(), answer.took);
    // A short page is the last one, unless more commands are known to exist.
    if (!page.rows.again && rows < page.rows.count && page.rows.offset + page.rows.count >= expected_)
      list_ended_ = true;
  }

  // The page ended within a command or between two. What came of it has been passed on. The command at which it broke
  // off is asked for once more, by itself; if it cannot be read then either, it is left out.
  void broke_off(const Page& page, const Error& why) {
    const auto& rows = page.rows;
    const auto came = page.reader->rows();
    vain_detours_ = came > 0 ? 0 : vain_detours_;
    page_size_.shrink_to(came);
    if (came >= rows.count) return;
    if (rows.alone) return leave_out(page.reader->broken_command(why.what));
    if (!may_detour(why)) return;
    if (rows.count > came + 1) to_read_again_.push_back({rows.offset + came + 1, rows.count - came - 1, true});
    to_read_again_.push_back({rows.offset + came, 1, true, true});
  }

  // Nothing came of the page. If the API may have been busy with it, it was perhaps too much at once.
  void not_answered(const Page& page, const Error& why, long status) {
    auto rows = page.rows;
    const bool perhaps_too_much =
        status >= 500 ? status != 503 && why.wait.count() == 0 : why.retry == Retry::outcome_unknown;
    if (!perhaps_too_much) {
      failure_ = why;
    } else if (rows.alone && commands_ > left_out_) {
      leave_out({0, "", why.what});
    } else if (++vain_detours_ > kMaxVainDetours) {
      failure_ = why;
    } else if (!may_detour(why)) {
      return;
    } else if (rows.alone) {
      to_read_again_.insert(to_read_again_.begin(), rows);  // after the others: they show whether the API answers
    } else {
      if (expected_ > rows.offset) rows.count = std::min(rows.count, expected_ - rows.offset);
      page_size_.shrink_to(rows.count / 2);
      const auto first = std::max<std::int64_t>(rows.count / 2, 1);
      const auto rest = rows.count - first;
      if (rest > 0) to_read_again_.push_back({rows.offset + first, rest, true, rest == 1});
      to_read_again_.push_back({rows.offset, first, true, first == 1});
    }
  }

  bool may_detour(const Error& why) {
    last_trouble_ = why;
    if (++detours_ > kMaxDetours) failure_ = why;
    return !failure_;
  }

  void leave_out(UnreadableCommand command) {
    command.may_pass = true;
    report_.unreadable.push_back(std::move(command));
    ++commands_;
    ++left_out_;
  }

  CommandFetcher& fetcher_;
  const std::int64_t action_id_;
  const std::int64_t side_by_side_;
  const std::int64_t expected_;
  const CommandSink& sink_;
  PageSize page_size_;

  std::vector<Page> pages_;  // by the index of their request
  std::int64_t under_way_ = 0;
  std::vector<Rows> to_read_again_;
  std::int64_t next_offset_ = 0;
  std::int64_t commands_ = 0;  // that were passed on, named or left out
  std::int64_t left_out_ = 0;
  bool list_ended_ = false;
  bool read_on_ = false;
  int detours_ = 0;
  int vain_detours_ = 0;
  std::optional<Error> last_trouble_;
  std::optional<Error> failure_;
  FetchReport report_;
};

Result<FetchReport> CommandFetcher::fetch(std::int64_t action_id, const FetchOptions& options,
                                          const CommandSink& sink) {
  return Reading(*this, action_id, options, sink).run();
}

}  // namespace mig_runner::api
