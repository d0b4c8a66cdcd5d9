#include "pipeline/members/candidates.h"

#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

namespace pipeline {

namespace {

bool reach(const Presence& a, const Presence& b) {
  return a.id == b.id || (a.reached.contains(b.id) && b.reached.contains(a.id));
}

// The number of pairs that cannot reach each other.
int failures_between(const Candidate& a, const Candidate& b) {
  int count = 0;
  for (const Presence& one : a.stages)
    for (const Presence& other : b.stages) count += !reach(one, other);
  return count;
}

}  // namespace

std::vector<Candidate> whole_pipelines(const std::vector<Presence>& waiting, int stages) {
  std::map<int, Presence> best;
  const auto rank = [](const Presence& p) { return std::pair(!p.done, p.id); };
  for (const Presence& each : waiting) {
    const auto [found, is_new] = best.try_emplace(each.seat, each);
    if (!is_new && rank(each) < rank(found->second)) found->second = each;
  }
  std::map<int, Candidate> pipelines;
  for (const auto& [seat, process] : best) {
    Candidate& candidate = pipelines[seat / stages];
    candidate.pipeline = seat / stages;
    candidate.stages.push_back(process);
  }
  std::vector<Candidate> whole;
  for (auto& [number, candidate] : pipelines)
    if (static_cast<int>(candidate.stages.size()) == stages) whole.push_back(std::move(candidate));
  return whole;
}

void remove_unreachable(std::vector<Candidate>& candidates) {
  while (!candidates.empty()) {
    std::vector<std::pair<int, bool>> badness;  // failures, lack of state
    for (const Candidate& each : candidates) {
      int failures = failures_between(each, each) > 0 ? 1 << 20 : 0;
      for (const Candidate& other : candidates) failures += failures_between(each, other);
      badness.emplace_back(failures, !each.has_state());
    }
    auto worst = badness.begin();
    for (auto at = badness.begin(); at != badness.end(); ++at)
      if (*at >= *worst) worst = at;
    if (std::ranges::all_of(badness, [](const auto& each) { return each.first == 0; })) return;
    candidates.erase(candidates.begin() + std::distance(badness.begin(), worst));
  }
}

bool have_states(const std::vector<Candidate>& candidates) {
  if (candidates.empty()) return false;
  for (std::size_t stage = 0; stage < candidates.front().stages.size(); ++stage) {
    const auto has_it = [stage](const Candidate& each) {
      return each.stages[stage].done.has_value();
    };
    if (std::ranges::none_of(candidates, has_it)) return false;
  }
  return true;
}

std::vector<Candidate> chosen(const std::vector<int>& planned,
                              const std::vector<Candidate>& candidates) {
  std::vector<Candidate> chosen;
  for (int pipeline : planned)
    for (const Candidate& each : candidates)
      if (each.pipeline == pipeline) chosen.push_back(each);
  if (chosen.size() < planned.size()) chosen.clear();
  return chosen;
}

void add_giver(std::vector<Candidate>& takers, const std::vector<Candidate>& candidates) {
  const auto giver = std::ranges::find_if(candidates, &Candidate::has_state);
  if (giver != candidates.end()) takers.insert(takers.begin(), *giver);
}

}  // namespace pipeline
