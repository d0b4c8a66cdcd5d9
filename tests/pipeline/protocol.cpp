#include "pipeline/protocol.h"

#include <doctest/doctest.h>

#include <climits>
#include <mutex>
#include <set>

#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/prediction/measured_link.h"
#include "pipeline/story.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

// A message that a rank received in a real training, and at which of its steps.
struct Arrival {
  int from;
  Tag tag;
  std::size_t bytes;
  int step;
  friend auto operator<=>(const Arrival&, const Arrival&) = default;
};

// All messages that each rank received and accepted in a training that uses every kind.
std::map<int, std::set<Arrival>> arrivals_of(const TrainingConfig& config) {
  std::map<int, std::set<Arrival>> arrivals;
  std::mutex mutex;
  toy::as_ranks(config, "arrivals", [&](toy::Rank rank) {
    const Protocol protocol(config, rank.rank);
    // The mailbox still asks after this scope ends, until the rank has said goodbye.
    rank.mailbox.expect([&arrivals, &mutex, protocol, number = rank.rank](
                            int from, Tag tag, std::size_t bytes, int step) {
      const std::lock_guard lock(mutex);
      arrivals[number].insert({from, tag, bytes, step});
      return protocol(from, tag, bytes, step);
    });
    const std::vector<std::uint16_t> text = toy::some_text(config.model.vocab_size);
    const data::Windows held_out(text, config.length);
    Evaluation evaluation(config, rank.stage, rank.mailbox, held_out);
    Storyteller storyteller(config, rank.stage, rank.mailbox, /*end_of_text=*/0);
    StepOrders orders(rank.mailbox);
    for (int step = 0; step < config.steps; ++step) {
      rank.worker.step(step);
      if (config.trains_alone())
        orders.go_on(step + 1, step + 1 < config.steps, false, "waiting for an order");
      if (is_evaluated_after(config, step + 1)) evaluation.loss(step, rank.worker.place());
      if (is_story_after(config, step + 1)) storyteller.tell(step, rank.worker.place());
    }
  });
  return arrivals;
}

template <class Function>
void each_config(Function f) {
  for (const ScheduleEntry& schedule : schedule_table())
    for (int stages : {1, 2, 3})
      for (int pipelines : {1, 2, 3}) {
        const char* family = (stages + pipelines) % 2 ? "llama" : "gpt2";
        TrainingConfig config =
            toy::config_of(schedule.name, stages, pipelines, 2, *nn::find_family(family));
        config.skips_bad_steps = pipelines == 2;
        config.clip_norm = pipelines == 3 ? 1 : 0;
        config.shares_moments = stages == 2;
        config.has_exact_sums = pipelines == 2;
        config.full_pipelines = stages == 2 ? 2 : pipelines;
        config.batch = 2 * config.full_pipelines;
        if (config.model.kind().norm && stages == 3) {
          config.model.vocab_size = 4500;
          config.splits_head = true;
        } else if (stages == 3) {
          config.held_out = 0.1;
          config.evaluate_every = 1;
          config.evaluation_batches = 2;
          config.sample_every = 1;
        }
        CAPTURE(schedule.name);
        CAPTURE(stages);
        CAPTURE(pipelines);
        CAPTURE(family);
        f(config);
      }
}

// All messages that differ from it in one field.
std::vector<Arrival> changed(const Arrival& right) {
  std::vector<Arrival> all;
  const auto change = [&](auto&& set) { set(all.emplace_back(right)); };
  for (int other : {-1, 1, 7}) {
    change([&](Arrival& a) { a.from += other; });
    change([&](Arrival& a) { a.tag.item += 100 * other; });
    change([&](Arrival& a) { a.tag.part += 100 * other; });
    change([&](Arrival& a) { a.bytes += 8 * other; });
  }
  for (int step : {INT_MIN, -1, right.tag.step + 2, right.tag.step - 2, 1'000'000, INT_MAX})
    change([&](Arrival& a) { a.tag.step = step; });
  for (int extreme : {INT_MIN, -1, INT_MAX}) {
    change([&](Arrival& a) { a.tag.item = extreme; });
    change([&](Arrival& a) { a.tag.part = extreme; });
  }
  for (int kind = 0; kind <= Tag::failure; ++kind)
    if (kind != right.tag.kind && is_of_a_step(Tag::Kind(kind)))
      change([&](Arrival& a) { a.tag.kind = Tag::Kind(kind); });
  return all;
}

}  // namespace

TEST_CASE("every message of a training is expected, and none that differs in a field") {
  each_config([](const TrainingConfig& config) {
    const auto arrivals = arrivals_of(config);
    std::set<Tag::Kind> kinds;
    for (const auto& [rank, got] : arrivals) {
      const Protocol protocol(config, rank), before_the_cut(config, rank, false);
      for (const auto& [from, tag, bytes, step] : got) {
        kinds.insert(tag.kind);
        CHECK(protocol(from, tag, bytes, step));
        CHECK(before_the_cut(from, tag, bytes, step));
        if (!is_of_a_step(tag.kind)) continue;
        for (const Arrival& wrong : changed({from, tag, bytes, step})) {
          if (wrong.from < 0 || wrong.from >= config.topology.ranks() || wrong.from == rank)
            continue;
          // Numbers with the same tag may come from several ranks and differ in meaning.
          const bool is_number =
              bytes == sizeof(double) || tag.kind == Tag::verdict || tag.kind == Tag::validation;
          if (is_number && (wrong.tag.kind != tag.kind || wrong.from != from)) continue;
          if (wrong.tag.kind == Tag::scores && wrong.from != from)
            continue;  // all stages send them
          // The last batch of an evaluation may be smaller.
          if (tag.kind == Tag::validation && wrong.tag == tag && wrong.bytes > 0 &&
              wrong.bytes <= config.batch * sizeof(double))
            continue;
          // A microbatch of one sequence looks like a window of an evaluation.
          const auto is_forward = [](Tag t) {
            return t.kind == Tag::activation || t.kind == Tag::held_out;
          };
          if (wrong.tag.kind != tag.kind && is_forward(tag) && is_forward(wrong.tag)) continue;
          if (wrong.tag == run_name_tag && wrong.bytes < 64) continue;            // a text
          if (wrong.tag.kind == Tag::checkpoint && wrong.bytes < 1000) continue;  // a text
          // With two stages of two chunks, each stage is before and after the other.
          if (config.chunks == 2 && config.topology.stages == 2 && wrong.tag.kind != tag.kind)
            continue;
          CAPTURE(static_cast<int>(tag.kind));
          CAPTURE(static_cast<int>(wrong.tag.kind));
          CAPTURE(wrong.from);
          CAPTURE(wrong.tag.step);
          CAPTURE(wrong.tag.item);
          CAPTURE(wrong.tag.part);
          CHECK(!protocol(wrong.from, wrong.tag, wrong.bytes, step));
        }
      }
    }
    CHECK(kinds.contains(Tag::activation) == (config.topology.stages > 1));
    const Placement placement = placement_of(config);
    CHECK(kinds.contains(Tag::tied) == (placement.first_stage() != placement.last_stage() &&
                                        nn::tied_tensor(config.model).has_value()));
    CHECK(kinds.contains(Tag::held_out) == (config.evaluate_every > 0));
    CHECK(kinds.contains(Tag::validation) == (config.evaluate_every > 0));
    CHECK(kinds.contains(Tag::story) == (config.sample_every > 0));
    CHECK(kinds.contains(Tag::scores) == config.splits_head);
    CHECK(kinds.contains(Tag::factors) == config.splits_head);
    CHECK(kinds.contains(Tag::reduce) == (config.topology.pipelines > 1));
    CHECK(kinds.contains(Tag::verdict) == (config.has_verdicts() && config.topology.ranks() > 1));
  });
}

TEST_CASE("a neighbour may be one step ahead, but not past the last step") {
  const TrainingConfig config = toy::config_of("1f1b", 2, 1, 3);
  const Protocol protocol(config, 1);
  const std::size_t bytes = activation_size(config) * sizeof(nn::real);
  const auto takes = [&](int of, int at) {
    return protocol(0, {Tag::activation, of, 2, 1}, bytes, at);
  };
  CHECK(takes(0, 0));
  CHECK(takes(1, 0));
  CHECK(!takes(2, 0));
  CHECK(!takes(0, 1));
  CHECK(takes(2, 2));
  CHECK(!takes(3, 2));  // there are three steps
}

TEST_CASE("messages of outer steps are expected while they are due, and none that differs") {
  TrainingConfig config = toy::config_of("1f1b", 2, 3, 2);  // ranks 0, 1; 2, 3; 4, 5
  config.steps = 20;
  config.sync = {.every = 6, .wire = "int8", .fragments = 2, .delay = 1};
  const auto due = arrivals_of(config);
  for (const auto& [rank, arrivals] : due) {
    const Protocol protocol(config, rank);
    int checked = 0;
    for (const auto& [from, tag, bytes, step] : arrivals) {
      if (tag.kind != Tag::outer) continue;
      ++checked;
      CHECK(protocol(from, tag, bytes, step));
      CHECK(protocol(from, tag, bytes, tag.step));  // until the exchange ends
      CHECK(!protocol(from, tag, bytes, tag.step + 1));
      CHECK(protocol(from, tag, bytes, tag.step - 3));  // two steps and the delay before
      CHECK(!protocol(from, tag, bytes, tag.step - 4));
      for (const Arrival& wrong : changed({from, tag, bytes, step})) {
        if (wrong.from < 0 || wrong.from >= 6 || wrong.from == rank) continue;
        if (wrong.tag.kind == Tag::checkpoint) continue;  // a text
        CHECK(!protocol(wrong.from, wrong.tag, wrong.bytes, step));
      }
    }
    CHECK(checked > 0);
  }
}

TEST_CASE("a rank receives only what is meant for it") {
  TrainingConfig config = toy::config_of("1f1b", 2, 2, 3);  // ranks 0, 1 and 2, 3
  const auto takes = [&](int rank, int from, Tag tag, std::size_t bytes, int step = 5) {
    return Protocol(config, rank)(from, tag, bytes, step);
  };
  config.steps = 10;
  CHECK(takes(1, 3, {Tag::loss, 5}, 8));   // to the recorder
  CHECK(!takes(3, 1, {Tag::loss, 5}, 8));  // from it
  CHECK(!takes(1, 0, {Tag::loss, 5}, 8));
  CHECK(!takes(1, 0, {Tag::verdict, 5}, 8));  // bad steps end this run
  CHECK(takes(3, 0, {Tag::order, 6}, 8));     // after step 5, also before this rank has done it
  CHECK(!takes(3, 0, {Tag::order, 7}, 8));
  CHECK(takes(3, 0, run_name_tag, 13));
  CHECK(!takes(3, 0, run_name_tag, 1000));
  CHECK(!takes(3, 1, run_name_tag, 13));
  CHECK(!takes(3, 1, {Tag::order, 5}, 8));
  CHECK(takes(0, 3, {Tag::stop_request}, 8));
  CHECK(!takes(1, 3, {Tag::stop_request}, 8));
  CHECK(takes(0, 1, {Tag::save, 0, 4}, largest_message(config)));
  CHECK(takes(1, 0, {Tag::save, 0, 4}, 0));
  CHECK(takes(3, 0, {Tag::save, 0, 0, 1}, 8));  // replicas hear how long it takes
  CHECK(!takes(3, 0, {Tag::save, 0, 0, 2}, 8));
  CHECK(takes(3, 0, {Tag::save, 0, most_parts(config)}, 0));  // the last answer
  CHECK(!takes(3, 0, {Tag::save, 0, most_parts(config) + 1}, 0));
  CHECK(!takes(1, 0, {Tag::save, 0, 4}, 1000));
  CHECK(!takes(0, 1, {Tag::save, 0, 4}, largest_message(config) + 1));
  CHECK(!takes(0, 3, {Tag::save, 0, 4}, 10));  // a replica saves nothing
  CHECK(!takes(0, 1, {Tag::save, 0, -1}, 10));
  CHECK(takes(0, 1, {Tag::checkpoint, 6}, 200));
  CHECK(!takes(0, 1, {Tag::checkpoint, 7}, 200));
  CHECK(!takes(0, 3, {Tag::checkpoint, 6}, 200));
  CHECK(!takes(0, 1, {Tag::checkpoint, 6}, 1 << 20));
  CHECK(takes(3, 0, {Tag::checkpoint, 0, 1}, 8));
  CHECK(!takes(3, 1, {Tag::checkpoint, 0, 1}, 8));
  CHECK(takes(3, 0, {Tag::cut}, 8));
  CHECK(!takes(0, 3, {Tag::cut}, 8));
  CHECK(!takes(3, 0, {Tag::cut}, 1000));
  CHECK(takes(0, 3, {Tag::clock, 0, 7}, 0));
  CHECK(!takes(0, 3, {Tag::clock, 0, 8}, 0));
  CHECK(!takes(0, 3, {Tag::clock, 0, 7}, 8));
  CHECK(takes(3, 0, {Tag::clock, 0, 7}, 8));
  CHECK(!takes(3, 1, {Tag::clock, 0, 7}, 8));
  CHECK(takes(0, 1, {Tag::clock, 1, 7, 1}, link_bytes));  // between rank 0 and the next stage
  CHECK(takes(2, 0, {Tag::clock, 1, 7}, 0));              // and the next pipeline
  CHECK(!takes(0, 3, {Tag::clock, 1, 7}, 0));
  CHECK(!takes(0, 2, {Tag::clock, 1, link_questions}, 0));
  CHECK(!takes(0, 2, {Tag::clock, 1, 7, 1}, 8));
  CHECK(takes(0, 3, {Tag::peak, 0, 1}, 8));
  CHECK(takes(3, 0, {Tag::peak, 0, 1}, 8));
  CHECK(!takes(3, 1, {Tag::peak, 0, 1}, 8));
  CHECK(!takes(0, 3, {Tag::peak, 0, 2}, 8));
  CHECK(takes(1, 3, {Tag::report}, 100));
  CHECK(!takes(1, 3, {Tag::report}, 1000));
  CHECK(!takes(0, 3, {Tag::report}, 100));
  CHECK(takes(2, 3, {Tag::failure}, 1000));
  CHECK(!takes(2, 3, {Tag::failure}, 100'000));
  CHECK(!takes(2, 3, {Tag::failure, 1}, 1000));
  CHECK(!takes(2, 3, {Tag::goodbye}, 1));
}

TEST_CASE("a stage averages its own blocks, once the cut is known") {
  const TrainingConfig config = toy::config_of("1f1b", 2, 2, 3);
  for (int block = 0; block < 8; ++block) {
    const std::size_t bytes =
        ring_segment(block_size(config.model, block), 2, 0).length * sizeof(nn::real);
    const Tag tag{Tag::reduce, 0, block, 0};
    CHECK(Protocol(config, 3)(1, tag, bytes, 0) == (block > 3));
    CHECK(Protocol(config, 3, false)(1, tag, bytes, 0));
    CHECK(!Protocol(config, 3, false)(1, tag, bytes + sizeof(nn::real), 0));
  }
}

TEST_CASE("the first pipeline asks its stage groups for their moments, and others do not") {
  TrainingConfig config = toy::config_of("1f1b", 2, 3, 3);  // ranks 1, 3 and 5 are a stage group
  const int block = 5;
  const auto takes = [&](int rank, int from, int of_block, int part, std::size_t bytes) {
    return Protocol(config, rank)(from, {Tag::checkpoint, 1, of_block, part}, bytes, 0);
  };
  const auto bytes_of = [&](int pipeline) {
    return sizeof(nn::real) * own_segment(block_size(config.model, block), 3, pipeline).length;
  };
  CHECK(!takes(3, 1, block, 1, 8));  // nothing is shared out
  config.shares_moments = true;
  CHECK(takes(3, 1, block, 1, 8));
  CHECK(takes(1, 5, block, 2, bytes_of(2)));
  CHECK(takes(1, 5, block, 3, bytes_of(2)));
  CHECK(!takes(1, 5, block, 4, bytes_of(2)));
  CHECK(!takes(1, 5, block, 2, bytes_of(2) + 4));
  CHECK(!takes(1, 4, block, 2, bytes_of(2)));  // of another stage
  CHECK(!takes(1, 5, 1, 2, bytes_of(2)));
  CHECK(!takes(3, 5, block, 1, 8));
  CHECK(!takes(5, 3, block, 2, bytes_of(1)));
  CHECK(!takes(1, 3, block, 1, 8));
}

TEST_CASE("unexpected messages of a rank are dropped and counted, and the others train as before") {
  const TrainingConfig config = toy::config_of("1f1b", 3, 2, 3);
  const auto train = [&](bool has_insider) {
    std::vector<double> losses;
    std::map<std::string, int> dropped;
    const std::vector<nn::real> numbers(100'000);
    std::deque<Lease> leases(1);
    const auto stages = toy::as_ranks(
        config, "insider",
        [&](toy::Rank rank) {
          int sent = 0;
          if (has_insider && rank.rank == 1)
            rank.worker.actions().on_action = [&](Work, int) {
              rank.mailbox.send(0, {Tag::gradient, 1'000'000, ++sent}, numbers, leases[0]);
              rank.mailbox.send_text(0, {Tag::gradient, 0, 0, 0}, "too short");
              rank.mailbox.send_text(0, {Tag::save, 0, sent}, "one of these is kept");
              rank.mailbox.send_text(0, {Tag::failure, sent}, "not so");
              rank.mailbox.send_text(0, {Tag::hello}, "twice");
            };
          for (int step = 0; step < config.steps; ++step) {
            const auto loss = rank.worker.step(step);
            if (rank.rank == recorder_of(config)) losses.push_back(loss.value());
          }
        },
        [&](int rank, const auto& strangers) {
          if (rank == 0) dropped = strangers;
        });
    CHECK(dropped.size() == (has_insider ? 4 : 0));
    const int actions = 3 * 3 * config.steps;
    for (const char* kind : {"gradient", "failure", "hello", "save"})
      if (has_insider) {
        CAPTURE(kind);
        const int count = dropped[nn::concat(kind, " messages that rank 1 should not send")];
        CHECK(count == (kind == std::string("gradient") ? 2 : 1) * actions - (*kind == 's'));
      }
    return losses;
  };
  CHECK(train(true) == train(false));
}

}  // namespace pipeline
