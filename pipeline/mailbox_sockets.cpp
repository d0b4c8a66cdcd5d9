#include "pipeline/mailbox_sockets.h"

#include <algorithm>
#include <cstring>

#include "nn/error.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int messages_in_flight = 64;  // for each pair of ranks
constexpr int most_at_once = 256;       // messages taken in before anything else has its turn
constexpr int encryption_bytes = 64;    // what CURVE adds to a frame is less
constexpr int refused = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

}  // namespace

zmq::socket_t Network::Context::watch(zmq::socket_t& socket, int events) {
  const std::string name = nn::concat("inproc://events-", ++watched);
  if (zmq_socket_monitor(socket.handle(), name.c_str(), events) != 0) throw zmq::error_t();
  zmq::socket_t watcher(zmq, zmq::socket_type::pair);
  watcher.set(zmq::sockopt::rcvhwm, 0);  // a full one would stop the thread that moves messages
  watcher.connect(name);
  return watcher;
}

Mailbox::Sockets::Sockets(Network& network, Options given)
    : options(std::move(given)),
      strangers{options.on_stranger},
      in(network.context_->zmq, zmq::socket_type::pull),
      gate(network.context_->watch(in, Gate::watched),
           static_cast<int>(options.addresses.size()) - 1) {
  if (options.keys) gate.admit_only(network.context_->zmq, options.keys->public_keys);
  listen();
  peers.resize(options.addresses.size());
  for (int rank = 0; rank < static_cast<int>(peers.size()); ++rank)
    if (rank != options.rank) connect(*network.context_, rank);
}

void Mailbox::Sockets::listen() {
  const std::string& own = options.addresses.at(options.rank);
  const int handshake = static_cast<int>(options.handshake.count());
  in.set(zmq::sockopt::linger, 0);
  in.set(zmq::sockopt::rcvhwm, messages_in_flight);
  in.set(zmq::sockopt::maxmsgsize,
         static_cast<std::int64_t>(options.largest_message + sizeof(Header) + encryption_bytes));
  in.set(zmq::sockopt::handshake_ivl, handshake);
  if (options.keys) {
    in.set(zmq::sockopt::curve_server, true);
    in.set(zmq::sockopt::curve_secretkey, options.keys->secret);
  }
  try {
    in.bind(own);
  } catch (const zmq::error_t& error) {
    throw nn::InputError(
        nn::concat("rank ", options.rank, " cannot listen at ", own, ": ", error.what()),
        "choose an address that is free and, for TCP, in figures: tcp://127.0.0.1:9000");
  }
}

void Mailbox::Sockets::connect(Network::Context& context, int rank) {
  Peer& peer = peers[rank];
  peer.out = zmq::socket_t(context.zmq, zmq::socket_type::push);
  peer.out.set(zmq::sockopt::linger, 500);
  peer.out.set(zmq::sockopt::sndhwm, messages_in_flight);
  peer.out.set(zmq::sockopt::immediate, true);
  peer.out.set(zmq::sockopt::handshake_ivl, static_cast<int>(options.handshake.count()));
  peer.out.set(zmq::sockopt::reconnect_ivl, 50);
  peer.out.set(zmq::sockopt::reconnect_ivl_max, 1000);
  peer.out.set(zmq::sockopt::heartbeat_ivl, static_cast<int>(options.heartbeat.count() / 6));
  peer.out.set(zmq::sockopt::heartbeat_timeout, static_cast<int>(options.heartbeat.count()));
  if (options.keys) {
    peer.out.set(zmq::sockopt::curve_serverkey, options.keys->public_keys.at(rank));
    peer.out.set(zmq::sockopt::curve_publickey, options.keys->public_keys.at(options.rank));
    peer.out.set(zmq::sockopt::curve_secretkey, options.keys->secret);
  }
  peer.events = context.watch(
      peer.out, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | refused);
  try {
    peer.out.connect(options.addresses[rank]);
  } catch (const zmq::error_t& error) {
    throw nn::InputError(nn::concat("rank ", options.rank, " cannot connect to ",
                                    options.addresses[rank], ": ", error.what()),
                         "addresses look like tcp://host:port or ipc:///folder/name");
  }
}

void Mailbox::Sockets::push(int to, Tag tag, zmq::message_t payload) {
  if (to == options.rank)
    return keep(to, tag, std::make_shared<zmq::message_t>(std::move(payload)));
  Peer& peer = peers.at(to);
  const Header header{.kind = tag.kind,
                      .real_bytes = sizeof(nn::real),
                      .run = options.run,
                      .sequence = peer.sent++,
                      .bytes = payload.size(),
                      .from = options.rank,
                      .step = tag.step,
                      .item = tag.item,
                      .part = tag.part};
  peer.waiting.push_back({zmq::message_t(&header, sizeof header), std::move(payload)});
  flush(peer);
}

void Mailbox::Sockets::flush(Peer& peer) {
  while (!peer.waiting.empty()) {
    Outgoing& next = peer.waiting.front();
    // A message is taken whole or not at all: once its header is in, its payload is.
    if (!peer.out.send(next.header, zmq::send_flags::dontwait | zmq::send_flags::sndmore)) return;
    peer.out.send(next.payload, zmq::send_flags::none);
    peer.waiting.pop_front();
  }
}

void Mailbox::Sockets::drain() {
  gate.attend(strangers);
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
    accept(first, std::move(payload), is_whole);
  }
}

void Mailbox::Sockets::accept(const zmq::message_t& first, std::shared_ptr<zmq::message_t> payload,
                              bool is_whole) {
  const auto header = parse_header(
      {static_cast<const std::byte*>(first.data()), is_whole ? first.size() : 0}, payload->size());
  if (const std::string fault = fault_of(first, header); !fault.empty())
    return strangers.add(fault);
  const int from = header->from;
  Peer& peer = peers[from];
  nn::require(header->real_bytes == sizeof(nn::real), "rank ", from, " computes with ",
              8 * header->real_bytes, "-bit numbers, rank ", options.rank, " with ",
              8 * sizeof(nn::real));
  if (header->sequence != peer.received++) {
    const std::string what =
        nn::concat("rank ", options.rank, ": messages of rank ", from, " were lost on the way");
    throw PeerLost(what, what);
  }
  if (header->kind == Tag::hello) peer.was_met = true;
  if (header->kind == Tag::goodbye) peer.has_parted = true;
  if (header->kind == Tag::failure) peer.failure = payload->to_string();
  keep(from, header->tag(), std::move(payload));
}

std::string Mailbox::Sockets::fault_of(const zmq::message_t& first,
                                       const std::optional<Header>& header) const {
  if (!header || header->from < 0 || header->from >= static_cast<int>(peers.size()) ||
      header->from == options.rank)
    return "malformed messages";
  if (header->run != options.run) return "messages of another run";
  if (options.keys && user_of(first) != std::to_string(header->from))
    return "messages in another rank's name";
  if (header->sequence < peers[header->from].received) return "repeated messages";
  return "";
}

// ZeroMQ may leave a small payload anywhere in a buffer of its own.
void Mailbox::Sockets::keep(int from, Tag tag, std::shared_ptr<zmq::message_t> payload) {
  Message message{{static_cast<const std::byte*>(payload->data()), payload->size()}, payload};
  if (reinterpret_cast<std::uintptr_t>(payload->data()) % alignof(nn::real) != 0) {
    auto copy =
        std::make_shared<std::vector<std::byte>>(message.bytes.begin(), message.bytes.end());
    message = {*copy, copy};
  }
  const bool is_new = early.try_emplace({from, tag}, std::move(message)).second;
  nn::require(is_new, "rank ", from, " sent the same message twice");
}

void Mailbox::Sockets::read_events() {
  for (Peer& peer : peers)
    if (peer.events) {
      zmq::message_t event, address;
      while (peer.events.recv(event, zmq::recv_flags::dontwait)) {
        (void)peer.events.recv(address);
        std::uint16_t kind = 0;  // the event's first two bytes
        std::memcpy(&kind, event.data(), sizeof kind);
        (kind & refused ? peer.has_refused : peer.is_gone) = true;
      }
    }
}

std::string Mailbox::Sockets::trouble() const {
  for (const Peer& peer : peers)
    if (!peer.failure.empty()) return peer.failure;
  for (int rank = 0; rank < static_cast<int>(peers.size()); ++rank)
    if (peers[rank].has_refused)
      return nn::concat("rank ", rank, " does not accept the keys of rank ", options.rank);
  for (int rank = 0; rank < static_cast<int>(peers.size()); ++rank)
    if (peers[rank].is_gone && !peers[rank].has_parted)
      return nn::concat("rank ", rank, " is gone");
  return "";
}

void Mailbox::Sockets::move_messages() {
  drain();
  for (Peer& peer : peers) flush(peer);
  read_events();
}

bool Mailbox::Sockets::has_outgoing() const {
  return std::ranges::any_of(
      peers, [](const Peer& peer) { return !peer.is_gone && !peer.waiting.empty(); });
}

void Mailbox::Sockets::sleep(milliseconds longest) {
  std::erase_if(read_by_messages, [](const auto& readers) { return *readers == 0; });
  if (!read_by_messages.empty()) longest = milliseconds(1);
  std::vector<zmq::pollitem_t> items{{in.handle(), 0, ZMQ_POLLIN, 0}};
  gate.add_to(items);
  for (Peer& peer : peers)
    if (peer.out) {
      items.push_back({peer.events.handle(), 0, ZMQ_POLLIN, 0});
      if (!peer.waiting.empty()) items.push_back({peer.out.handle(), 0, ZMQ_POLLOUT, 0});
    }
  try {
    zmq::poll(items, longest);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;
  }
}

void Mailbox::Sockets::throw_trouble(const std::string& what) {
  if (options.stop && *options.stop) throw Stopped();
  const auto give_up = Clock::now() + milliseconds(300);
  std::string reason = trouble();
  while (reason.ends_with("is gone") && Clock::now() < give_up) {
    sleep(milliseconds(20));
    drain();
    reason = trouble();
  }
  if (reason.empty()) return;
  // Those who hear it pass it on as it is, so that all know which rank was lost first.
  throw PeerLost(
      nn::concat(reason, ", while ", what),
      reason.ends_with("is gone") ? nn::concat(reason, ", says rank ", options.rank) : reason);
}

}  // namespace pipeline
