#include "pipeline/members/epoch.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "pipeline/members/candidates.h"

namespace pipeline {

namespace {

std::string list(const std::vector<int>& pipelines) {
  std::vector<std::string> names;
  for (int pipeline : pipelines) names.push_back(std::to_string(pipeline));
  return nn::concat(names.size() == 1 ? "pipeline " : "pipelines ", nn::join(names));
}

std::vector<int> minus(std::vector<int> from, const std::vector<int>& what) {
  std::erase_if(from, [&](int each) { return std::ranges::count(what, each) > 0; });
  std::ranges::sort(from);
  return from;
}

std::string difference(const Epoch& last, const Epoch& next, int stages) {
  if (last.number == 0) return "start";
  if (!next.done) return "no pipeline has its state any more";
  const std::vector<int> now = next.pipelines(stages);
  std::vector<int> stayed = now;
  for (const Epoch::Member& member : next.members)
    if (!member.has_state) std::erase(stayed, member.seat / stages);
  const std::vector<int> left = minus(last.pipelines(stages), stayed), came = minus(now, stayed);
  std::string text;
  if (!left.empty()) text = list(left) + " left";
  if (!came.empty()) text += (text.empty() ? "" : "; ") + list(came) + " came";
  return text.empty() ? "same members" : text;
}

// Forgets states that are not of the last epoch or cannot be brought to where the others are.
// Returns the steps done by those that are left, and the result of the last.
std::pair<std::optional<int>, std::string> settle_states(const Epoch& last,
                                                         std::vector<Presence>& waiting) {
  std::optional<int> done;
  std::string result;
  for (Presence& each : waiting) {
    if (each.epoch != last.number || last.number == 0) each.done.reset();
    if (each.done && (!done || *each.done > *done)) done = each.done, result = each.result;
  }
  for (Presence& each : waiting)
    if (each.done && *each.done != *done && !(each.is_prepared && *each.done + 1 == *done))
      each.done.reset();
  return {done, result};
}

bool is_member(const Epoch& epoch, const Presence& process) {
  return epoch.rank_of(process.id) >= 0;
}

// Whether it is a member that has not left. One that has not read of the epoch yet still says that
// it waits.
bool trains(const Epoch& epoch, const Presence& process) {
  return is_member(epoch, process) && !(process.is_waiting && process.epoch == epoch.number);
}

bool is_unknown(const Presence& a, const Presence& b) {
  return a.id != b.id && !a.reached.contains(b.id) && !a.unreached.contains(b.id);
}

void leave_out_other_terms(const Epoch& last, std::vector<Presence>& alive) {
  const auto member =
      std::ranges::find_if(alive, [&](const Presence& each) { return is_member(last, each); });
  if (member == alive.end()) return;
  std::erase_if(alive, [terms = member->terms](const Presence& p) { return p.terms != terms; });
}

// Whether the others need to hear more from living processes before they decide.
bool is_early(const Epoch& last, const std::vector<Presence>& alive) {
  for (const Presence& each : alive) {
    if (trains(last, each)) return true;
    for (const Presence& other : alive) {
      const bool will_try = (each.done && other.done) || other.reached.contains(each.id);
      if (each.is_waiting && other.is_waiting && will_try && is_unknown(each, other)) return true;
    }
  }
  return false;
}

// Whether every process of the last epoch has been replaced.
bool are_all_replaced(const Epoch& last, const std::vector<Candidate>& candidates, int stages) {
  return std::ranges::all_of(last.pipelines(stages), [&](int pipeline) {
    return std::ranges::count(candidates, pipeline, &Candidate::pipeline) > 0;
  });
}

// Whether no waiting process has the state of some stage.
bool is_state_lost(const std::vector<Presence>& waiting, int stages) {
  std::set<int> kept;
  for (const Presence& each : waiting)
    if (each.done) kept.insert(each.seat % stages);
  return static_cast<int>(kept.size()) < stages;
}

Epoch epoch_after(const Epoch& last, const Shape& shape, std::vector<Candidate> candidates,
                  std::optional<int> done, const std::string& result) {
  if (shape.plan.empty())
    std::ranges::stable_partition(candidates, [](const Candidate& c) { return c.has_state(); });
  if (candidates.size() > static_cast<std::size_t>(shape.most_pipelines))
    candidates.resize(shape.most_pipelines);
  Epoch next{.number = last.number + 1, .done = done, .result = done ? result : ""};
  for (const Candidate& candidate : candidates)
    for (const Presence& process : candidate.stages)
      next.members.push_back({process.seat, process.id, done && process.done});
  next.why = difference(last, next, shape.stages);
  return next;
}

}  // namespace

int Epoch::rank_of(const std::string& id) const {
  const auto found = std::ranges::find(members, id, &Member::id);
  return found == members.end() ? -1 : static_cast<int>(found - members.begin());
}

std::vector<bool> Epoch::states() const {
  std::vector<bool> states;
  for (const Member& member : members) states.push_back(member.has_state);
  return states;
}

std::vector<int> Epoch::pipelines(int stages) const {
  std::vector<int> numbers;
  for (std::size_t i = 0; i < members.size(); i += stages)
    numbers.push_back(members[i].seat / stages);
  return numbers;
}

bool do_members_train(const Epoch& last, const std::vector<Presence>& alive) {
  int training = 0, members = 0;
  for (const Presence& each : alive)
    members += is_member(last, each), training += trains(last, each);
  return training > 0 && training == members;
}

std::optional<Epoch> next_epoch(const Epoch& last, const Shape& shape, std::vector<Presence> alive,
                                bool is_late) {
  const int stages = shape.stages;
  leave_out_other_terms(last, alive);
  if (!is_late && is_early(last, alive)) return {};
  if (do_members_train(last, alive)) return {};
  std::erase_if(alive, [&](const Presence& p) { return !p.is_waiting || trains(last, p); });
  const auto [done, result] = settle_states(last, alive);
  std::vector<Candidate> candidates = whole_pipelines(alive, stages);
  remove_unreachable(candidates);
  const auto members_after = [&](int steps) {
    const std::vector<int>* const planned = shape.planned(steps);
    return planned ? chosen(*planned, candidates) : candidates;
  };
  std::vector<Candidate> next = members_after(done.value_or(0));
  const bool has_room = !next.empty() && shape.most_pipelines > 1;
  if (!shape.plan.empty() && has_room && !have_states(next)) add_giver(next, candidates);
  if (have_states(next)) return epoch_after(last, shape, std::move(next), done, result);

  const bool is_lost = done && is_state_lost(alive, stages);
  if (done && !is_lost && next.empty()) return {};  // a planned pipeline is missing
  next = members_after(0);  // from a checkpoint; after which step is not known yet
  if (next.empty()) return {};
  const bool are_enough = shape.planned(0) || static_cast<int>(next.size()) >= shape.pipelines;
  const bool are_all_here =
      are_enough && (last.number == 0 || (!done && are_all_replaced(last, candidates, stages)));
  if (!is_late && !are_all_here && !is_lost) return {};
  return epoch_after(last, shape, std::move(next), {}, "");
}

const std::vector<int>* Shape::planned(int done) const {
  const auto after = plan.upper_bound(done + 1);
  return after == plan.begin() ? nullptr : &std::prev(after)->second;
}

bool has_newcomers(const Epoch& now, const Shape& shape, std::vector<Presence> alive, int done) {
  const int stages = shape.stages;
  leave_out_other_terms(now, alive);
  const std::vector<int> pipelines = now.pipelines(stages);
  if (const std::vector<int>* const planned = shape.planned(done)) return *planned != pipelines;
  if (static_cast<int>(pipelines.size()) >= shape.most_pipelines) return false;
  std::erase_if(alive, [&](const Presence& each) {
    const auto is_reached = [&](const Epoch::Member& m) { return each.reached.contains(m.id); };
    return !each.is_waiting || std::ranges::count(pipelines, each.seat / stages) ||
           !std::ranges::all_of(now.members, is_reached);
  });
  std::vector<Candidate> newcomers = whole_pipelines(alive, stages);
  remove_unreachable(newcomers);
  return !newcomers.empty();
}

}  // namespace pipeline
