#include <climits>
#include <cstddef>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/real.h"
#include "pipeline/mailbox/sockets.h"

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

void Mailbox::Sockets::drain() {
  const SignalsWait undisturbed;
  gate.attend(strangers);
  for (int cut = meter.take_cut(); cut > 0; --cut) strangers.add("messages without an end");
  for (int taken = 0; taken < most_at_once; ++taken) {
    zmq::message_t first;
    if (!in.recv(first, zmq::recv_flags::dontwait)) return;
    auto payload = std::make_shared<zmq::message_t>();
    bool is_whole = first.more() && in.recv(*payload).has_value();
    while (is_whole && payload->more()) {  // more than two frames
      is_whole = false;
      zmq::message_t surplus;
      while (in.recv(surplus) && surplus.more()) {
      }
    }
    meter.note(first);
    accept(first, payload, is_whole);
  }
}

void Mailbox::Sockets::accept(const zmq::message_t& first,
                              const std::shared_ptr<zmq::message_t>& payload, bool is_whole) {
  const auto header = parse_header(
      {static_cast<const std::byte*>(first.data()), is_whole ? first.size() : 0}, payload->size());
  if (const std::string fault = fault_of(first, header); !fault.empty())
    return strangers.add(fault);
  const int from = header->from;
  Peer& peer = peers.at(from);
  peer.heard = attended;
  if (header->kind == Tag::beat) return hear_beat(from, header->sequence, *payload);
  if (!is_expected(*header)) {
    if (header->sequence == peer.received) ++peer.received;
    return strangers.add(
        nn::concat(text_of(header->kind), " messages that rank ", from, " should not send"));
  }
  nn::require(header->real_bytes == sizeof(nn::real), "rank ", from, " computes with ",
              8 * header->real_bytes, "-bit numbers, rank ", options.rank, " with ",
              8 * sizeof(nn::real));
  if (header->sequence != peer.received++) {
    const std::string what =
        nn::concat("rank ", options.rank, ": messages of rank ", from, " were lost on the way");
    throw PeerLost(what, what);
  }
  if (header->kind == Tag::hello) {
    peer.was_met = true;
    peer.active = attended;
    if (peer.is_here()) gate.close_to(from);
  }
  if (header->kind == Tag::goodbye) peer.has_parted = true;
  if (header->kind == Tag::failure)
    peer.failure = nn::printable({payload->data<char>(), payload->size()});
  keep(from, header->tag(), payload);
}

std::string Mailbox::Sockets::fault_of(const zmq::message_t& first,
                                       const std::optional<Header>& header) const {
  if (!header || !peers.contains(header->from) ||
      (header->kind == Tag::beat && !is_beat(*header, options.addresses.size())))
    return "malformed messages";
  if (header->run != options.run) return "messages of another run";
  if (options.keys && user_of(first) != std::to_string(header->from))
    return "messages in another rank's name";
  if (header->kind != Tag::beat && header->sequence < peers.at(header->from).received)
    return "repeated messages";
  return "";
}

void Mailbox::Sockets::hear_beat(int from, std::uint64_t looks, const zmq::message_t& payload) {
  Peer& peer = peers.at(from);
  if (from == 0) idle_elsewhere = parse_idle(payload.to_string_view());
  if (peer.looks != looks) peer.active = attended;
  peer.looks = looks;
  if (peer.is_here()) gate.close_to(from);
}

bool Mailbox::Sockets::is_expected(const Header& header) const {
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

// ZeroMQ may place a small payload at any offset in its own buffer: it is copied for alignment.
void Mailbox::Sockets::keep(int from, Tag tag, const std::shared_ptr<zmq::message_t>& payload) {
  Message message{{static_cast<const std::byte*>(payload->data()), payload->size()}, payload};
  if (reinterpret_cast<std::uintptr_t>(payload->data()) % alignof(double) != 0) {
    auto copy =
        std::make_shared<std::vector<std::byte>>(message.bytes.begin(), message.bytes.end());
    message = {*copy, copy};
  }
  const bool is_new = early.try_emplace({from, tag}, std::move(message)).second;
  nn::require(is_new, "rank ", from, " sent the same message twice");
}

std::optional<Message> Mailbox::Sockets::take(Early::iterator place) {
  std::optional<Message> message = std::exchange(place->second, std::nullopt);
  if (!rule || place->first.second.kind == Tag::save) early.erase(place);
  return message;
}

void Mailbox::Sockets::begin_step(int number) {
  step = number;
  std::erase_if(early, [number](const auto& entry) {
    const Tag tag = entry.first.second;
    return is_of_a_step(tag.kind) && tag.step < number;
  });
}

}  // namespace pipeline
