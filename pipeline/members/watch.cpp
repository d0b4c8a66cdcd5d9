#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/members.h"

// What a process sees of the others: their files, and whether their ports are open.
namespace pipeline {

using std::chrono::milliseconds;

// What all processes tell, by the names of their files.
std::map<std::string, std::string> Members::texts_of_all() const {
  std::map<std::string, std::string> texts;
  for (const std::string& name : folder_.names())
    if (name.starts_with(prefix)) texts[name] = folder_.read(name);
  return texts;
}

// Of a living process, in its file.
milliseconds Members::longest_silence() const { return options_.heartbeat / 2; }

// All processes that show signs of life, this one included: their files change, and their ports are
// not closed. Removes files that have not changed for long. When this process was suspended, the
// others may have been, too.
std::vector<Presence> Members::look() {
  const auto [whole, awake] = end_turn(folder_, last_look_, longest_silence());
  const auto now = last_look_;
  for (auto& [id, one] : seen_) one.changed = std::min(now, one.changed + (whole - awake));
  std::vector<Presence> alive;
  std::map<std::string, Seen> seen;
  for (const auto& [name, text] : texts_of_all()) {
    const std::optional<Presence> presence = parse_presence(text);
    if (!presence) continue;
    Seen& one = seen[presence->id] =
        seen_.contains(presence->id) ? seen_[presence->id] : Seen{0, now};
    const std::uint32_t checksum = nn::crc32c(std::as_bytes(std::span(text)));
    if (std::exchange(one.checksum, checksum) != checksum) one.changed = now;
    const bool is_own = presence->id == presence_.id;
    if (is_own || (now - one.changed < longest_silence() && one.answer != PortState::closed))
      alive.push_back(is_own ? presence_ : *presence);
    else if (now - one.changed > 4 * options_.heartbeat)
      folder_.remove(name);
  }
  seen_ = std::move(seen);
  return alive;
}

std::vector<PortState> Members::answers_of(const std::vector<Presence>& others,
                                           milliseconds patience) const {
  std::vector<std::string> ports;
  for (const Presence& other : others) ports.push_back(other.port);
  return options_.ports->probe(ports, patience);
}

// Finds out which others can be reached, and tells them.
void Members::probe(const std::vector<Presence>& others) {
  const auto now = folder_.now();
  const bool has_new = std::ranges::any_of(others, [this](const Presence& other) {
    return !presence_.reached.contains(other.id) && !presence_.unreached.contains(other.id);
  });
  if (now < next_probe_ && !has_new) return;
  const std::vector<PortState> answers =
      answers_of(others, std::min(options_.heartbeat / 4, milliseconds(1000)));
  Presence own = presence_;
  own.reached.clear(), own.unreached.clear();
  for (std::size_t i = 0; i < others.size(); ++i) {
    seen_[others[i].id].answer = answers[i];
    (answers[i] == PortState::open ? own.reached : own.unreached).insert(others[i].id);
  }
  next_probe_ = folder_.now() + interval_;
  if (own.reached != presence_.reached || own.unreached != presence_.unreached) tell(own);
}

// A process that waits while others train is patient.
void Members::require_hope(const std::vector<Presence>& alive, Clock::duration waited) const {
  std::set<int> seats;
  for (const Presence& each : alive) {
    if (!each.is_waiting) return;
    seats.insert(each.seat);
  }
  if (waited < 2 * options_.patience) return;
  std::vector<std::string> missing;
  int pipelines = options_.shape.pipelines;
  for (const auto& [step, planned] : options_.shape.plan)
    pipelines = std::max(pipelines, 1 + *std::ranges::max_element(planned));
  for (int seat = 0; seat < options_.shape.stages * pipelines; ++seat)
    if (!seats.contains(seat)) missing.push_back(std::to_string(seat));
  const std::string what = nn::concat(
      "rank ", options_.seat, " waited ", 2 * options_.patience / milliseconds(1000),
      " s for a whole pipeline; ",
      missing.empty() ? "ranks cannot reach each other" : "missing: rank " + nn::join(missing));
  throw PeerLost(what, what);
}

bool Members::has_newcomers(int done) {
  if (options_.shape.plan.empty() && folder_.now() < next_look_) return false;
  next_look_ = folder_.now() + interval_;
  std::vector<Presence> alive = look();
  if (folder_.now() - attended_since_ < 4 * options_.heartbeat) leave_out_unreached(alive);
  return pipeline::has_newcomers(last_, options_.shape, alive, done);
}

void Members::leave_out_unreached(std::vector<Presence>& alive) const {
  std::set<std::string> unreached;
  for (const Presence& each : alive)
    if (last_.rank_of(each.id) >= 0) unreached.insert(each.unreached.begin(), each.unreached.end());
  std::erase_if(alive, [&](const Presence& each) { return unreached.contains(each.id); });
}

}  // namespace pipeline
