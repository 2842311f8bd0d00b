#include "server/transcript.h"

namespace mig_sandbox::test {
namespace {

// Between the original runner and the original API.
class TranscriptTest : public Transcript {
 protected:
  TranscriptTest()
      : Transcript({"api_transcript",
                    "http://localhost:4444",
                    "ref",
                    "2026-11-23T08:17:56.423881Z",
                    {},
                    "2026-11-23T08:30:00Z"}) {
    // The agent of the first part of the recording, which answers its two jobs.
    const auto first = value_of(2).at("agent");
    local_agent = first.at("id");
    agents.insert(agent_row(first));
    run = [this](const std::string& module, const std::string&, Timestamp, const std::stop_token&) {
      return value_of(module == "pkg" ? 2 : 4).at("results").at(0).dump();
    };
    scheduler.emplace(
        world, 28060121890834, [this](LocalJob job) { worker.push(std::move(job)); }, std::chrono::milliseconds(0));
  }

  // What the real database held beyond what the exchanges themselves put there.
  void seed_second_part() {
    auto gone = agents.find(local_agent).value();
    gone.status = "destroyed";
    agents.insert(gone);
    agents.insert(agent_row(value_of(21)));
    for (std::size_t item = 1; item <= 10; ++item) insert_signed(action_row(value_of(19, item)));
    // A row of its own for the agent, as it was when it answered: the search shows environment and tags.
    store.insert_command(command_row(value_of(33)));
  }
  void seed_many_commands() {
    insert_signed(action_row(value_of(14)));
    CommandRow command = command_row(value_of(13));
    command.agent_id = local_agent;
    for (std::int64_t i = 0; i < 10000; ++i) {
      command.id = 50000000000000 + i;
      store.insert_command(command);
    }
  }

  std::int64_t local_agent = 0;
};

TEST_F(TranscriptTest, AnswersEveryExchangeAsTheOriginalDid) {
  ASSERT_EQ(transcript.size(), 40U);
  replay(0, 1);
  run_scheduler();
  clock.set(at("2026-11-23T08:30:25Z"));
  replay(2, 5);
  clock.set(at("2026-11-23T08:31:00Z"));
  replay(6, 7);
  clock.set(at("2026-11-23T08:31:22Z"));
  seed_many_commands();
  replay(8, 18);
  clock.set(at("2026-11-23T09:15:50Z"));
  seed_second_part();
  replay(19, 39);
}

// What a stand-in easily gets wrong: short signatures, an action that is stored without its signature, searches without
// a condition, targets that PostgreSQL does not take, refusals.
class SecondTranscriptTest : public Transcript {
 protected:
  SecondTranscriptTest()
      : Transcript({"api_transcript_2",
                    "http://api.example.net",
                    "inv1",
                    "2026-11-30T12:17:20.99644Z",
                    {"KEY"},
                    "2026-11-30T14:09:36Z"}) {
    scheduler.emplace(
        world, 0, [](const LocalJob&) {}, std::chrono::milliseconds(0));
    // The recording shows every API key as KEY, the bad one too, and left a header out.
    transcript[17]["request_headers"]["X-MIGAPIKEY"] = "YEK";
    transcript[19]["response_headers"]["X-Content-Type-Options"] = "nosniff";
    Agent agent;
    const auto known = value_of(26).at("agent");
    agent.id = known.at("id");
    agent.name = known.at("name");
    agent.version = known.at("version");
    agent.environment = known.at("environment").dump();
    agent.tags = known.at("tags").dump();
    agents.insert(agent);
  }
};

TEST_F(SecondTranscriptTest, AnswersEveryExchangeAsTheOriginalDid) {
  ASSERT_EQ(transcript.size(), 28U);
  replay(0, 1);
  quirks.fault = Fault::parse("stored-500").value();
  replay(2, 2);
  quirks.fault.reset();
  run_scheduler();
  // Exchange 5 asks for the action of exchange 2, whose answer had no id.
  const auto stored = store.find_actions({"1", {}, "id DESC", 1, 0});
  ids_here.emplace_back("28100853760912", std::to_string(stored.at(0).id));
  replay(3, 15);
  for (std::size_t item = 3; item <= 10; ++item) insert_signed(action_row(value_of(16, item)));
  replay(16, 25);
  for (const std::size_t index : {26U, 27U}) {
    insert_signed(action_row(value_of(index).at("action")));
    store.insert_command(command_row(value_of(index)));
  }
  replay(26, 27);
}

}  // namespace
}  // namespace mig_sandbox::test
