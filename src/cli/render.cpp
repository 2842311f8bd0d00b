#include <iterator>
#include <memory>
#include <optional>
#include <ostream>

#include "base/file.h"
#include "cli/command.h"
#include "cli/tree.h"
#include "daemon/configuration.h"
#include "mig/action.h"
#include "sign/signer.h"
#include "spool/job_reader.h"
#include "stages/run_flow.h"

namespace mig_runner::cli {
namespace {

struct Options {
  std::string job, file, valid_from, expire_after;
  std::optional<std::string> name;
  bool text = false;
  bool json = false;
};

// An action and what its job says about launching it.
struct Draft {
  mig::Action action;
  std::string name;
  std::chrono::milliseconds expiry = config::JobConfig().expiry;
};

Result<std::optional<Timestamp>> time_option(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto time = parse_rfc3339(text);
  if (!time) return fail(time.error().what, option);
  return *time;
}

class Render {
 public:
  Render(const Context& context, const Options& options) : context_(context), options_(options) {}

  int run() {
    const auto valid_from = time_option("--validfrom", options_.valid_from);
    if (!valid_from) return complain(context_, valid_from.error(), kExitWrongUsage);
    const auto expire_after = time_option("--expireafter", options_.expire_after);
    if (!expire_after) return complain(context_, expire_after.error(), kExitWrongUsage);
    if (options_.job.empty() == options_.file.empty())
      return complain(context_, {"either a JOB or --action FILE says what to render", "render"}, kExitWrongUsage);

    auto draft = options_.file.empty() ? read_job() : read_action();
    if (!draft) return complain(context_, draft.error(), status_);
    if (const auto expanded = expand(draft->action); !expanded) return complain(context_, expanded.error(), status_);
    const auto from = valid_from->value_or(context_.clock.now() - stages::kDatedBack);
    const auto until = expire_after->value_or(from + stages::kDatedBack + draft->expiry);
    auto& action = draft->action;
    if (const auto prepared = action.prepare(options_.name.value_or(draft->name), from, until); !prepared)
      return complain(context_, prepared.error(), kExitProblem);
    if (options_.text) {
      context_.streams.out << action.signed_text();
      return kExitFine;
    }
    return print_document(action);
  }

 private:
  bool uses_configuration() const { return options_.file.empty() || context_.config_named; }

  Result<Draft> read_job() {
    auto tree = Tree::open(context_.config);
    if (!tree) {
      status_ = kExitCannotStart;
      return tl::unexpected(tree.error());
    }
    auto job = tree->job(options_.job);
    if (!job) return tl::unexpected(job.error());
    return Draft{(*job)->action(), stages::action_name(options_.job), (*job)->config.expiry};
  }

  Result<Draft> read_action() const {
    const auto text = spool::read_action_file(options_.file);
    if (!text) return fail(text.error().what, options_.file);
    auto action = mig::Action::parse(*text);
    if (!action) return fail(action.error().what, options_.file + ":" + action.error().where);
    auto name = action->name();
    return Draft{std::move(*action), std::move(name)};
  }

  Result<void> expand(mig::Action& action) {
    if (!uses_configuration()) return {};
    status_ = kExitCannotStart;
    auto tree = Tree::open(context_.config);
    if (!tree) return tl::unexpected(tree.error());
    const auto macros = tree->macros();
    if (!macros) return tl::unexpected(macros.error());
    stages::expand_macro(action, *macros);
    return {};
  }

  int print_document(const mig::Action& action) const {
    std::vector<std::string> signatures;
    if (uses_configuration()) {
      auto signature = sign(action.signed_text());
      if (!signature) return complain(context_, signature.error(), kExitCannotStart);
      signatures.push_back(std::move(*signature));
    }
    context_.streams.out << action.document(signatures) << '\n';
    return kExitFine;
  }

  Result<std::string> sign(const std::string& text) const {
    auto loaded = daemon::load_configuration(context_.config);
    if (!loaded.value) return fail(loaded.problems.front().text());
    const auto& client = loaded.value->client;
    auto key = sign::Key::load(client.gpg_home, client.keyid, loaded.value->passphrase, context_.clock.now());
    if (!key) return tl::unexpected(key.error());
    auto signer = key->make_signer();
    if (!signer) return tl::unexpected(signer.error());
    return (*signer)->sign(text);
  }

  const Context& context_;
  const Options& options_;
  int status_ = kExitProblem;  // of the failure that comes next
};

}  // namespace

Command render_command(CLI::App& app, const Context& context) {
  auto options = std::make_shared<Options>();
  const Subcommand command(app, "render", "Print an action as it would be posted, signed");
  const auto job = command.argument("JOB", options->job, "the job whose action is rendered");
  command
      .option("--action", options->file,
              "a file instead of a job; needs no configuration, and is signed only where -c names one")
      .takes("FILE")
      .excludes(job);
  command.flag("--text", options->text, "print the exact bytes that would be signed; needs no key");
  command.option("--name", options->name, "the action's name instead of \"mig-runner: JOB\" or the file's")
      .takes("NAME");
  command.option("--validfrom", options->valid_from, "instead of a minute ago (RFC 3339)").takes("TIME");
  command.option("--expireafter", options->expire_after, "instead of the job's expiry from now (RFC 3339)")
      .takes("TIME");
  command.flag("--json", options->json, "accepted for symmetry: an action is JSON already");
  command.add_example(
      "mig-runner render patchlevel --validfrom 2026-11-23T07:59:00Z --expireafter 2026-11-23T08:05:00Z");
  return {command, [options, &context] { return Render(context, *options).run(); }};
}

}  // namespace mig_runner::cli
