#include "api/command_fetcher.h"

#include <algorithm>
#include <optional>

#include "api/answers.h"
#include "api/get_answer.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

using std::chrono::milliseconds;

// The real server spends 4 ms and more on each row of a page.
constexpr milliseconds kPageTimeout = std::chrono::seconds(60);
constexpr milliseconds kRowTimeout = std::chrono::milliseconds(20);
constexpr std::size_t kMaxPageBytes = std::size_t{256} << 20U;
// A hundred times the largest fleet thought of. A list that is longer does not end.
constexpr std::int64_t kMaxCommands = 10'000'000;

}  // namespace

std::vector<HttpRequest> CommandFetcher::page_requests(std::int64_t action_id, std::int64_t page_size,
                                                       const std::vector<std::int64_t>& pages) const {
  std::vector<HttpRequest> requests;
  for (const auto page : pages) {
    HttpRequest request;
    request.url = base_url_ + "search?type=command&limit=" + std::to_string(page_size) +
                  "&offset=" + std::to_string(page * page_size) + "&actionid=" + std::to_string(action_id);
    request.timeout = kPageTimeout + kRowTimeout * page_size;
    request.max_answer_bytes = kMaxPageBytes;
    requests.push_back(std::move(request));
  }
  return requests;
}

// Reads the pages at the same time.
Result<CommandFetcher::Batch> CommandFetcher::fetch_pages(std::int64_t action_id, const FetchOptions& options,
                                                          const std::vector<std::int64_t>& pages,
                                                          const CommandSink& sink) {
  const auto where = shown_url(base_url_ + "search");
  std::optional<Error> failure;
  Batch batch;
  const auto take = [&](std::int64_t page, HttpAnswer& answer) -> Result<void> {
    if (is_end_of_list(answer)) {
      batch.list_ended = true;
      return {};
    }
    if (answer.status != 200) return get_failure(answer, where);
    const auto count = read_commands(answer.body, sink);
    if (!count) return tl::unexpected(at(count.error(), where));
    batch.commands += *count;
    // A short page is the last one, unless more commands are known to exist.
    if (*count < options.page_size && (page + 1) * options.page_size >= options.expected) batch.list_ended = true;
    return {};
  };

  exchange_(page_requests(action_id, options.page_size, pages), [&](std::size_t index, Result<HttpAnswer> answer) {
    if (failure) return;
    if (!answer) {
      failure = at(answer.error(), where);
    } else if (const auto taken = take(pages[index], *answer); !taken) {
      failure = taken.error();
    }
  });
  if (!failure) return batch;
  if (failure->retry == Retry::outcome_unknown) failure->retry = Retry::later;
  return tl::unexpected(*failure);
}

Result<FetchReport> CommandFetcher::fetch(std::int64_t action_id, const FetchOptions& asked, const CommandSink& sink) {
  auto options = asked;
  options.page_size = std::max(options.page_size, 1);
  options.parallel_pages = std::max(options.parallel_pages, 1);
  options.expected = std::clamp<std::int64_t>(options.expected, 0, kMaxCommands);
  const std::int64_t expected_pages = (options.expected + options.page_size - 1) / options.page_size;
  std::int64_t commands = 0;
  for (std::int64_t next = 0; commands < kMaxCommands;) {
    const auto side_by_side = std::clamp<std::int64_t>(expected_pages - next, 1, options.parallel_pages);
    std::vector<std::int64_t> pages;
    for (std::int64_t i = 0; i < side_by_side; ++i) pages.push_back(next++);
    const auto batch = fetch_pages(action_id, options, pages, sink);
    if (!batch) return tl::unexpected(batch.error());
    commands += batch->commands;
    const bool all_expected = options.expected > 0 && next >= expected_pages;
    const bool one_more = next == expected_pages && commands > options.expected;
    if (batch->list_ended || (all_expected && !one_more)) return FetchReport{};
  }
  return fail("its list of commands has " + std::to_string(kMaxCommands) + " rows and does not end",
              shown_url(base_url_ + "search"), Retry::later);
}

}  // namespace mig_runner::api
