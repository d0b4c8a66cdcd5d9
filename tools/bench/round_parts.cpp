#include "tools/bench/round_parts.h"

#include <algorithm>
#include <queue>

#include "tools/bench/profiles.h"
#include "tools/bench/span.h"

namespace bench {

namespace {

// At this time a core begins a batch of a client, or has done its last, or is without a client.
struct Event {
  static constexpr int nobody = -1;
  double time;
  int client = nobody, batches_left = 0;

  friend bool operator<(const Event& a, const Event& b) { return a.time > b.time; }  // for a queue
};

}  // namespace

double RoundParts::training_seconds(int cores) const {
  std::priority_queue<Event> events;
  for (int core = 0; core < std::min(cores, clients); ++core) events.push({0});
  int next = 0, idle = std::max(0, cores - clients), turn = 0;
  std::vector<bool> is_trained(clients);
  double end = 0;  // of the last update that was taken
  while (!events.empty()) {
    Event now = events.top();
    events.pop();
    if (now.client == Event::nobody && next == clients) {
      ++idle;
      continue;
    }
    if (now.client == Event::nobody) now = {now.time, next++, batches};
    if (now.batches_left > 0) {
      const int helpers = std::min(idle, static_cast<int>(first.size()) - 1);
      idle -= helpers;
      const std::vector<double> free = free_after(first, sums, 1 + helpers);
      for (int helper = 1; helper <= helpers; ++helper) events.push({now.time + free[helper]});
      events.push({now.time + std::ranges::max(free) + update, now.client, now.batches_left - 1});
      continue;
    }
    is_trained[now.client] = true;
    for (; turn < clients && is_trained[turn]; ++turn) {
      end = std::max(end, now.time) + take;
      events.push({end});
    }
  }
  return end;
}

double RoundParts::seconds(int cores) const {
  std::vector<std::vector<double>> takes;
  for (double take_test : take_tests) takes.push_back({take_test});
  return training_seconds(cores) + serial + makespan_in_order(tests, takes, cores);
}

double RoundParts::batch() const {
  double seconds = sum(first) + update;
  for (const std::vector<double>& part : sums) seconds += sum(part);
  return seconds;
}

double RoundParts::work() const {
  return clients * (batches * batch() + take) + serial + sum(tests) + sum(take_tests);
}

report::Table round_cores(int) {
  const RoundParts round = measured_round();
  const auto enough = std::max(round.clients * round.first.size(), round.tests.size());
  std::vector<CoreTime> times;
  for (const int cores : many_cores)
    times.push_back(
        {cores, round.work(), round.seconds(static_cast<int>(enough)), round.seconds(cores)});
  return to_table(
      nn::concat("A round of FedAvg with ", round.clients, " clients, by work and span"), times);
}

}  // namespace bench
