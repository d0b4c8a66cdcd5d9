#include "pipeline/mailbox/sockets.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/real.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds;

// Bounds on ZeroMQ's queue of one connection. It counts messages, not bytes.
constexpr int most_to_send = 64, least_to_receive = 2, most_to_receive = 64;
constexpr std::size_t most_bytes_to_receive = 4 << 20;
constexpr int encryption_bytes = 64;             // CURVE adds less to a frame
constexpr std::size_t header_on_the_wire = 256;  // with encryption and framing
constexpr int refused = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

// The cap on the time between two looks at the mailbox. A wait looks more often.
milliseconds longest_turn(const Mailbox::Options& options) {
  return std::min(milliseconds(500), options.heartbeat / 4);
}

std::vector<int> linked_ranks(const Mailbox::Options& options) {
  if (options.links) return *options.links;
  std::vector<int> others;
  for (int rank = 0; rank < static_cast<int>(options.addresses.size()); ++rank)
    if (rank != options.rank) others.push_back(rank);
  return others;
}

// Often enough to tell a rank that looks into its mailbox from one that does not.
milliseconds beat_interval(const Mailbox::Options& options) {
  return std::max(milliseconds(10), std::min(options.heartbeat / 6, options.deadline / 8));
}

}  // namespace

zmq::socket_t outgoing_socket(zmq::context_t& context, const Mailbox::Options& options, int rank) {
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.set(zmq::sockopt::immediate, true);
  socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(options.handshake.count()));
  socket.set(zmq::sockopt::reconnect_ivl, 50);
  socket.set(zmq::sockopt::reconnect_ivl_max, 1000);
  if (options.keys) {
    socket.set(zmq::sockopt::curve_serverkey, options.keys->public_keys.at(rank));
    socket.set(zmq::sockopt::curve_publickey, options.keys->public_keys.at(options.rank));
    socket.set(zmq::sockopt::curve_secretkey, options.keys->secret);
  }
  return socket;
}

zmq::socket_t Network::Context::watch(zmq::socket_t& socket, int events) {
  const std::string name = nn::concat("inproc://events-", ++watched);
  if (zmq_socket_monitor(socket.handle(), name.c_str(), events) != 0) throw zmq::error_t();
  zmq::socket_t watcher(zmq, zmq::socket_type::pair);
  watcher.set(zmq::sockopt::rcvhwm, 0);  // a full queue would stop ZeroMQ's thread
  watcher.connect(name);
  return watcher;
}

Mailbox::Sockets::Sockets(Network& network, Options given)
    : options(std::move(given)),
      strangers{options.on_stranger},
      in(network.context_->zmq, zmq::socket_type::pull),
      gate(network.context_->watch(in, Gate::watched),
           connections_of_a_rank * static_cast<int>(linked_ranks(options).size())) {
  const std::vector<int> links = linked_ranks(options);
  if (options.keys) gate.admit_only(network.context_->zmq, links, options.keys->public_keys);
  listen();
  for (int rank : links) connect(*network.context_, rank);
  pulse.begin(network.context_->zmq, options, links, beat_interval(options), meter);
}

void Mailbox::Sockets::listen() {
  const std::string& own = options.addresses.at(options.rank);
  const int handshake = static_cast<int>(options.handshake.count());
  in.set(zmq::sockopt::linger, 0);
  const int most_messages =
      std::clamp(static_cast<int>(most_bytes_to_receive / options.largest_message),
                 least_to_receive, most_to_receive);
  const std::size_t largest = options.largest_message + sizeof(Header) + encryption_bytes;
  in.set(zmq::sockopt::rcvhwm, most_messages);
  in.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(largest));
  in.set(zmq::sockopt::handshake_ivl, handshake);
  if (options.keys) {
    in.set(zmq::sockopt::curve_server, true);
    in.set(zmq::sockopt::curve_secretkey, options.keys->secret);
  }
  if (options.listener >= 0) in.set(zmq::sockopt::use_fd, options.listener);
  try {
    in.bind(own);
  } catch (const zmq::error_t& error) {
    throw nn::InputError(
        nn::concat("rank ", options.rank, " cannot listen at ", own, ": ", error.what()),
        "choose a free address, for TCP a numeric one: tcp://127.0.0.1:9000");
  }
  meter.begin(in, (most_messages + 2) * (largest + header_on_the_wire));
}

void Mailbox::Sockets::connect(Network::Context& context, int rank) {
  Peer& peer = peers[rank];
  peer.out = outgoing_socket(context.zmq, options, rank);
  peer.out.set(zmq::sockopt::linger, 500);
  peer.out.set(zmq::sockopt::sndhwm, most_to_send);
  peer.events =
      context.watch(peer.out, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | refused);
  try {
    peer.out.connect(options.addresses[rank]);
  } catch (const zmq::error_t& error) {
    throw nn::InputError(nn::concat("rank ", options.rank, " cannot connect to ",
                                    options.addresses[rank], ": ", error.what()),
                         "addresses look like tcp://host:port or ipc:///folder/name");
  }
}

void Mailbox::Sockets::push(int to, Tag tag, zmq::message_t payload) {
  const SignalsWait undisturbed;
  if (to == options.rank)
    return keep(to, tag, std::make_shared<zmq::message_t>(std::move(payload)));
  const auto found = peers.find(to);
  nn::require(found != peers.end(), "rank ", options.rank, " is not linked with rank ", to);
  Peer& peer = found->second;
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
    // A message is taken whole or not at all: if its header was taken, its payload is.
    if (!peer.out.send(next.header, zmq::send_flags::dontwait | zmq::send_flags::sndmore)) return;
    peer.out.send(next.payload, zmq::send_flags::none);
    peer.waiting.pop_front();
  }
}

void Mailbox::Sockets::read_events() {
  for (auto& [rank, peer] : peers) {
    zmq::message_t event, address;
    while (peer.events.recv(event, zmq::recv_flags::dontwait)) {
      (void)peer.events.recv(address);
      std::uint16_t kind = 0;  // the event's first two bytes
      std::memcpy(&kind, event.data(), sizeof kind);
      // A connection that breaks before its handshake is over is made again: on a busy machine
      // some take too long.
      if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) peer.is_connected = true;
      if (kind == ZMQ_EVENT_DISCONNECTED && peer.is_connected) peer.is_gone = true;
      if (kind & refused) peer.has_refused = true;
    }
  }
}

bool Mailbox::Sockets::is_silent(const Peer& peer) const {
  return peer.is_here() && attended - peer.heard > options.heartbeat;
}

std::string Mailbox::Sockets::trouble() const {
  for (const auto& [rank, peer] : peers)
    if (!peer.failure.empty()) return peer.failure;
  for (const auto& [rank, peer] : peers)
    if (peer.has_refused)
      return nn::concat("rank ", rank, " does not accept the keys of rank ", options.rank);
  for (const auto& [rank, peer] : peers)
    if ((peer.is_gone || is_silent(peer)) && !peer.has_parted)
      return nn::concat("rank ", rank, " is gone");
  return "";
}

std::map<int, Mailbox::Sockets::Clock::duration> Mailbox::Sockets::idle() const {
  std::map<int, Clock::duration> ranks;
  for (const auto& [rank, peer] : peers)
    if (peer.was_met && !peer.has_parted && attended - peer.active >= options.deadline / 2)
      ranks[rank] = attended - peer.active;
  return ranks;
}

std::string Mailbox::Sockets::idle_since(milliseconds waited) const {
  std::map<int, Clock::duration> ranks = idle();
  for (const auto& [rank, duration] : idle_elsewhere)
    if (!peers.contains(rank) && rank != options.rank) ranks[rank] = duration;
  std::vector<std::string> idle_ranks;
  Clock::duration least = waited;
  for (const auto& [rank, duration] : ranks) {
    idle_ranks.push_back(std::to_string(rank));
    least = std::min(least, duration);
  }
  const double seconds = std::round(std::chrono::duration<double>(least).count() * 10) / 10;
  if (idle_ranks.empty()) return nn::concat("nothing came for ", seconds, " s");
  const bool is_one = idle_ranks.size() == 1;
  return nn::concat(is_one ? "rank " : "ranks ", nn::join(idle_ranks), is_one ? " has" : " have",
                    " done nothing for ", seconds, " s");
}

void Mailbox::Sockets::move_messages() {
  const SignalsWait undisturbed;
  const auto now = Clock::now();
  attended += std::min<Clock::duration>(now - last_look, longest_turn(options));
  last_look = now;
  pulse.look();
  drain();
  for (auto& [rank, peer] : peers) flush(peer);
  read_events();
  if (options.rank == 0) pulse.tell(idle());
}

bool Mailbox::Sockets::has_outgoing() const {
  return std::ranges::any_of(peers, [](const auto& entry) {
    return !entry.second.is_gone && !entry.second.waiting.empty();
  });
}

void Mailbox::Sockets::sleep(milliseconds longest) {
  std::erase_if(read_by_messages, [](const auto& readers) { return *readers == 0; });
  if (!read_by_messages.empty()) longest = milliseconds(1);
  std::vector<zmq::pollitem_t> items{{in.handle(), 0, ZMQ_POLLIN, 0}};
  gate.add_to(items);
  for (auto& [rank, peer] : peers) {
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
  // Ranks pass this news on unchanged, so that all name the rank that was lost first.
  throw PeerLost(
      nn::concat(reason, ", while ", what),
      reason.ends_with("is gone") ? nn::concat(reason, ", says rank ", options.rank) : reason);
}

}  // namespace pipeline
