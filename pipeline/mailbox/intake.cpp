#include <climits>
#include <cstddef>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/real.h"
#include "pipeline/mailbox/state.h"

// Incoming messages: which ones a mailbox keeps, and which it drops.
namespace pipeline {

namespace {

constexpr int most_at_once = 256;  // messages received before the rank's own work continues

// Only rank 0's beats have a content.
bool is_beat(const Header& header, std::size_t ranks) {
  return header.bytes % idle_bytes == 0 &&
         header.bytes <= (header.from == 0 ? ranks * idle_bytes : 0);
}

}  // namespace

void Mailbox::State::drain() {
  transport->attend();
  for (int taken = 0; taken < most_at_once; ++taken) {
    const auto arrival = transport->receive();
    if (!arrival) break;
    accept(*arrival);
  }
  look_for_losses();
}

void Mailbox::State::accept(const Transport::Arrival& arrival) {
  const auto& [first, payload, sender] = arrival;
  const auto header = parse_header(first.bytes, payload.bytes.size());
  if (const std::string fault = fault_of(header, sender); !fault.empty())
    return strangers.add(fault);
  const int from = header->from;
  Peer& peer = peers.at(from);
  peer.heard = attended;
  if (header->kind == Tag::beat) return hear_beat(from, header->sequence, payload);
  if (!is_expected(*header)) {
    if (header->sequence == peer.received) ++peer.received;
    return strangers.add(
        nn::concat(text_of(header->kind), " messages that ", name(from), " should not send"));
  }
  nn::require(header->real_bytes == sizeof(nn::real), "rank ", number(from), " computes with ",
              8 * header->real_bytes, "-bit numbers, rank ", number(options.rank), " with ",
              8 * sizeof(nn::real));
  if (header->sequence != peer.received++) {
    const std::string what =
        nn::concat(name(options.rank), ": messages of ", name(from), " were lost on the way");
    throw PeerLost(what, what);
  }
  if (header->kind == Tag::hello) {
    peer.was_met = true;
    peer.active = attended;
    if (peer.is_here()) transport->close_to(from);
  }
  if (header->kind == Tag::goodbye) peer.has_parted = true;
  if (header->kind == Tag::failure) peer.failure = nn::printable(payload.characters());
  keep(from, header->tag(), payload);
}

std::string Mailbox::State::fault_of(const std::optional<Header>& header,
                                     std::optional<int> sender) const {
  if (!header || !peers.contains(header->from) ||
      (header->kind == Tag::beat && !is_beat(*header, options.addresses.size())))
    return "malformed messages";
  if (header->run != options.run) return "messages of another run";
  if (options.keys && sender != header->from) return "messages in another rank's name";
  if (header->kind != Tag::beat && header->sequence < peers.at(header->from).received)
    return "repeated messages";
  return "";
}

void Mailbox::State::hear_beat(int from, std::uint64_t looks, const Message& payload) {
  Peer& peer = peers.at(from);
  if (from == 0) idle_elsewhere = parse_idle(payload.characters());
  if (peer.looks != looks) peer.active = attended;
  peer.looks = looks;
  if (peer.is_here()) transport->close_to(from);
}

bool Mailbox::State::is_expected(const Header& header) const {
  const Tag tag = header.tag();
  if (early.contains({header.from, tag})) return false;
  if (tag.kind == Tag::save && options.rank == 0) {  // one at a time: a sender awaits the answer
    const auto unread = early.lower_bound({header.from, {Tag::save, INT_MIN, INT_MIN, INT_MIN}});
    if (unread != early.end() && unread->first.first == header.from &&
        unread->first.second.kind == Tag::save)
      return false;
  }
  if (!rule) return true;
  const bool needs_no_meeting =
      tag.kind == Tag::hello || tag.kind == Tag::failure || tag.kind == Tag::goodbye;
  return (needs_no_meeting || peers.at(header.from).was_met) &&
         rule(header.from, tag, header.bytes, step);
}

void Mailbox::State::keep(int from, Tag tag, Message payload) {
  const auto [place, is_new] = early.try_emplace({from, tag});
  nn::require(is_new, "rank ", number(from), " sent the same message twice");
  place->second = std::move(payload);
}

std::optional<Message> Mailbox::State::take(Early::iterator place) {
  std::optional<Message> message = std::exchange(place->second, std::nullopt);
  if (!rule || place->first.second.kind == Tag::save) early.erase(place);
  return message;
}

void Mailbox::State::begin_step(int number) {
  step = number;
  std::erase_if(early, [number](const auto& entry) {
    const Tag tag = entry.first.second;
    return is_of_a_step(tag.kind) && tag.step < number;
  });
}

}  // namespace pipeline
