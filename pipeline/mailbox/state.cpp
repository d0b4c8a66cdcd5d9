#include "pipeline/mailbox/state.h"

#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/real.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds;

// The cap on the time between two looks at the mailbox. A wait looks more
// often.
milliseconds longest_turn(const Mailbox::Options& options) {
  return std::min(milliseconds(500), options.heartbeat / 4);
}

Mailbox::Options with_links(Mailbox::Options options) {
  if (options.links) return options;
  options.links.emplace();
  for (int rank = 0; rank < static_cast<int>(options.addresses.size()); ++rank)
    if (rank != options.rank) options.links->push_back(rank);
  return options;
}

}  // namespace

Mailbox::State::State(const Network& network, Options given)
    : options(with_links(std::move(given))),
      strangers{options.on_stranger},
      beat(options),
      transport(network.join_(options, beat, strangers)),
      last_look(transport->now()) {
  for (int rank : *options.links) peers[rank];
}

std::string Mailbox::State::name(int rank) const { return nn::concat("rank ", number(rank)); }
int Mailbox::State::number(int rank) const {
  return options.numbers.empty() ? rank : options.numbers.at(rank);
}

void Mailbox::State::push(int to, Tag tag, Message payload) {
  if (to == options.rank) return keep(to, tag, std::move(payload));
  const auto found = peers.find(to);
  nn::require(found != peers.end(), "rank ", number(options.rank), " is not linked with rank ",
              number(to));
  Peer& peer = found->second;
  const Header header{.kind = tag.kind,
                      .real_bytes = sizeof(nn::real),
                      .run = options.run,
                      .sequence = peer.sent++,
                      .bytes = payload.bytes.size(),
                      .from = options.rank,
                      .step = tag.step,
                      .item = tag.item,
                      .part = tag.part};
  peer.sent_bytes += sizeof header + header.bytes;
  peer.waiting.push_back({header, std::move(payload)});
  flush(to, peer);
}

void Mailbox::State::flush(int to, Peer& peer) {
  while (!peer.waiting.empty() &&
         transport->send(to, peer.waiting.front().header, peer.waiting.front().payload))
    peer.waiting.pop_front();
}

bool Mailbox::State::is_gone(int rank) const {
  return transport->connection(rank) == Transport::Connection::broken;
}

bool Mailbox::State::is_lost(int rank, const Peer& peer) const {
  const bool is_silent = peer.is_here() && attended - peer.heard > options.heartbeat;
  return (is_gone(rank) || is_silent) && !peer.has_parted;
}

void Mailbox::State::look_for_losses() {
  std::erase_if(lost, [this](int rank) { return !is_lost(rank, peers.at(rank)); });
  for (const auto& [rank, peer] : peers)
    if (is_lost(rank, peer) && !std::ranges::count(lost, rank)) lost.push_back(rank);
}

std::string Mailbox::State::trouble() const {
  for (const auto& [rank, peer] : peers)
    if (!peer.failure.empty()) return peer.failure;
  for (const auto& [rank, peer] : peers)
    if (transport->connection(rank) == Transport::Connection::refused)
      return nn::concat(name(rank), " does not accept the keys of ", name(options.rank));
  return lost.empty() ? "" : name(lost.front()) + " is gone";
}

IdleTimes Mailbox::State::idle() const {
  IdleTimes ranks;
  for (const auto& [rank, peer] : peers) {
    // After its goodbye a rank may end, but as long as its beats come others may wait for it.
    const bool has_ended = peer.has_parted && attended - peer.heard > options.heartbeat;
    if (peer.was_met && !has_ended && attended - peer.active >= options.deadline / 2)
      ranks[rank] = attended - peer.active;
  }
  return ranks;
}

std::string Mailbox::State::idle_since(milliseconds waited) const {
  IdleTimes ranks = idle();
  for (const auto& [rank, duration] : idle_elsewhere)
    if (!peers.contains(rank) && rank != options.rank) ranks[rank] = duration;
  std::vector<std::string> idle_ranks;
  Clock::duration least = waited;
  for (const auto& [rank, duration] : ranks) {
    idle_ranks.push_back(std::to_string(number(rank)));
    least = std::min(least, duration);
  }
  const double seconds = std::round(std::chrono::duration<double>(least).count() * 10) / 10;
  if (idle_ranks.empty()) return nn::concat("nothing came for ", seconds, " s");
  const bool is_one = idle_ranks.size() == 1;
  return nn::concat(is_one ? "rank " : "ranks ", nn::join(idle_ranks), is_one ? " has" : " have",
                    " done nothing for ", seconds, " s");
}

void Mailbox::State::move_messages() {
  const auto now = transport->now();
  attended += std::min<Clock::duration>(now - last_look, longest_turn(options));
  last_look = now;
  beat.look();
  drain();
  for (auto& [rank, peer] : peers) flush(rank, peer);
  if (options.rank == 0) beat.tell(idle());
}

bool Mailbox::State::has_outgoing() const {
  return std::ranges::any_of(peers, [this](const auto& entry) {
    return !entry.second.waiting.empty() && !is_gone(entry.first);
  });
}

void Mailbox::State::throw_trouble(const std::string& what) {
  if (options.stop && *options.stop) throw Stopped();
  const auto give_up = transport->now() + milliseconds(300);
  std::string reason = trouble();
  while (reason.ends_with("is gone") && transport->now() < give_up) {
    transport->sleep(milliseconds(20));
    drain();
    reason = trouble();
  }
  if (reason.empty()) return;
  // Ranks pass this news on unchanged, so that all name the rank that was lost
  // first.
  throw PeerLost(
      nn::concat(reason, ", while ", what),
      reason.ends_with("is gone") ? nn::concat(reason, ", says ", name(options.rank)) : reason);
}

}  // namespace pipeline
