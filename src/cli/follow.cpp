#include "cli/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

#include "base/text.h"
#include "cli/api_access.h"
#include "cli/json_output.h"
#include "cli/outcome_style.h"
#include "cli/times.h"
#include "daemon/configuration.h"
#include "report/run.h"

namespace mig_runner::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{200};
// How often the API is asked how many agents have answered.
constexpr milliseconds kAsk = std::chrono::seconds(5);
constexpr int kBarWidth = 24;

class Follow {
 public:
  Follow(const Context& context, const Tree& tree, store::RunStore& store, bool json)
      : context_(context), tree_(tree), store_(store), json_(json), bar_(context.streams.width > 0 && !json) {
    // Without it the bar shows how much time has passed.
    if (bar_) access_ = api_access();
  }

  int follow(store::Run run) {
    while (true) {
      const auto found = store_.find(run.job, run.nominal);
      if (!found) return complain(context_, found.error(), kExitProblem);
      if (!*found) return complain(context_, {"it is no longer recorded", run.name()}, kExitProblem);
      run = **found;
      if (report::has_ended(run)) return show_end(run);
      if (const auto at_work = anybody_at_work(tree_, store_); at_work && !*at_work) {
        clear_line();
        return complain(context_, {"the runner has stopped; the run goes on when it starts again", run.name()},
                        kExitProblem);
      }
      show_state(run);
      std::this_thread::sleep_for(kLook);
    }
  }

 private:
  std::optional<ApiAccess> api_access() const {
    auto loaded = daemon::load_configuration(context_.config);
    if (!loaded.value) return std::nullopt;
    const auto& client = loaded.value->client;
    const auto key = sign::Key::load(client.gpg_home, client.keyid, loaded.value->passphrase, context_.clock.now());
    if (!key) return std::nullopt;
    auto access = open_api(client, *key, context_.clock);
    if (!access) return std::nullopt;
    return std::move(*access);
  }

  void show_state(const store::Run& run) {
    if (bar_) {
      context_.streams.out << '\r' << shortened(progress_line(run), context_.streams.width - 1) << "\x1b[K"
                           << std::flush;
    } else if (auto text = state_line(run); !json_ && text != last_) {
      context_.streams.out << text << std::endl;
      last_ = std::move(text);
    }
  }

  void clear_line() const {
    if (bar_) context_.streams.out << "\r\x1b[K" << std::flush;
  }

  static std::string state_line(const store::Run& run) {
    auto text = printable(run.name()) + ": " + std::string(store::state_name(run.state));
    if (run.state == store::RunState::posted && run.action_id != 0)
      text += " as action " + std::to_string(run.action_id);
    return text + (run.reason.empty() ? "" : ": " + printable(run.reason));
  }

  std::string progress_line(const store::Run& run) {
    const auto now = context_.clock.now();
    if (run.state != store::RunState::posted || !run.posted_at || !run.expire_after) return state_line(run);
    ask(run, now);
    const auto all = std::max<double>(1, static_cast<double>((*run.expire_after - *run.posted_at).count()));
    auto share = static_cast<double>((now - *run.posted_at).count()) / all;
    std::string answered;
    if (status_ && status_->sent > 0) {
      share = static_cast<double>(status_->done) / static_cast<double>(status_->sent);
      answered = fmt::format(", {} of {} answered", status_->done, counted(status_->sent, "agent"));
    }
    const auto filled = std::clamp(static_cast<int>(share * kBarWidth), 0, kBarWidth);
    return fmt::format("[{}{}] {}{}", std::string(static_cast<std::size_t>(filled), '#'),
                       std::string(static_cast<std::size_t>(kBarWidth - filled), ' '),
                       now < *run.expire_after ? "expires " + relative_text(*run.expire_after, now) : "collecting",
                       answered);
  }

  void ask(const store::Run& run, Timestamp now) {
    if (!access_ || (asked_ && now - *asked_ < kAsk)) return;
    asked_ = now;
    if (auto status = access_->client->action_status(run.action_id)) status_ = std::move(*status);
  }

  int show_end(const store::Run& run) const {
    const int status = outcome_style(run) == Style::green ? kExitFine : kExitProblem;
    if (json_) {
      print_json(context_.streams, report::run_json(run));
      return status;
    }
    clear_line();
    auto text =
        printable(run.name()) + ": " + styled(report::outcome_text(run), outcome_style(run), context_.streams.colour);
    if (const auto commands = report::commands_text(run); !commands.empty())
      text += ", " + commands + (commands == "1" ? " command" : " commands") + " collected";
    if (!run.plugin.empty() && run.delivered_at) text += ", delivered to " + printable(run.plugin);
    if (!run.reason.empty()) text += ": " + printable(run.reason);
    context_.streams.out << text << '\n';
    if (run.result_file.empty()) return status;
    const auto file = result_file_of(tree_, store_, run);
    context_.streams.out << printable(file ? file->whole().string() : file.error().what) << '\n';
    return status;
  }

  const Context& context_;
  const Tree& tree_;
  store::RunStore& store_;
  const bool json_;
  const bool bar_;
  std::string last_;  // line that was shown
  std::optional<ApiAccess> access_;
  std::optional<Timestamp> asked_;
  std::optional<api::ActionStatus> status_;
};

}  // namespace

int follow_run(const Context& context, const Tree& tree, store::RunStore& store, const store::Run& run, bool json) {
  return Follow(context, tree, store, json).follow(run);
}

}  // namespace mig_runner::cli
