#include "pipeline/mailbox/sockets.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/real.h"

namespace pipeline {

namespace {

// Bounds on ZeroMQ's queue of one connection. It counts messages, not bytes.
constexpr int most_to_send = 64, least_to_receive = 2, most_to_receive = 64;
constexpr std::size_t most_bytes_to_receive = 4 << 20;
constexpr int encryption_bytes = 64;             // CURVE adds less to a frame
constexpr std::size_t header_on_the_wire = 256;  // with encryption and framing
constexpr int most_sockets = 1 << 14;            // of a process; rank 0 needs 4 for each other rank
constexpr int refused = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

// What a message reads until ZeroMQ is done with it.
struct Lent {
  std::shared_ptr<const void> owner;
  std::shared_ptr<Bell> bell;
};

void give_back(void*, void* hint) {
  const std::unique_ptr<Lent> lent(static_cast<Lent*>(hint));
  lent->owner.reset();
  lent->bell->ring();
}

// Lends memory to a message; small payloads are copied.
zmq::message_t message_of(const Message& payload, std::size_t least_lent,
                          const std::shared_ptr<Bell>& bell) {
  const auto& [bytes, owner] = payload;
  if (bytes.size() < least_lent) return {bytes.data(), bytes.size()};
  return {const_cast<std::byte*>(bytes.data()), bytes.size(), give_back, new Lent{owner, bell}};
}

// ZeroMQ may place a small payload at any offset in its own buffer: it is copied for alignment.
Message message_of(zmq::message_t received) {
  const auto owner = std::make_shared<zmq::message_t>(std::move(received));
  const std::span bytes(static_cast<const std::byte*>(owner->data()), owner->size());
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(double) == 0) return {bytes, owner};
  const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {*copy, copy};
}

// Only then: ZeroMQ would look up the IPv6 addresses of names, too.
bool is_ipv6(const std::string& address) { return address.starts_with("tcp://["); }

}  // namespace

Network::Join over_zeromq() {
  auto context = std::make_shared<Context>();
  context->zmq.set(zmq::ctxopt::blocky, false);
  context->zmq.set(zmq::ctxopt::max_sockets, most_sockets);
  return [context = std::move(context)](const Mailbox::Options& options, const Beat& beat,
                                        Strangers& strangers) {
    if (!options.keys) require_local(options.addresses);
    const SignalsWait undisturbed;
    return std::make_unique<Sockets>(*context, options, beat, strangers);
  };
}

zmq::socket_t Context::watch(zmq::socket_t& socket, int events) {
  const std::string name = nn::concat("inproc://events-", ++watched);
  if (zmq_socket_monitor(socket.handle(), name.c_str(), events) != 0) throw zmq::error_t();
  zmq::socket_t watcher(zmq, zmq::socket_type::pair);
  watcher.set(zmq::sockopt::rcvhwm, 0);  // a full queue would stop ZeroMQ's thread
  watcher.connect(name);
  return watcher;
}

zmq::socket_t outgoing_socket(zmq::context_t& context, const Mailbox::Options& options, int rank) {
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.set(zmq::sockopt::immediate, true);
  socket.set(zmq::sockopt::ipv6, is_ipv6(options.addresses.at(rank)));
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

Sockets::Sockets(Context& context, const Mailbox::Options& options, const Beat& beat,
                 Strangers& strangers)
    : strangers_(strangers),
      in_(context.zmq, zmq::socket_type::pull),
      gate_(context.watch(in_, Gate::watched),
            connections_of_a_rank * static_cast<int>(options.links->size())) {
  if (options.keys) gate_.admit_only(context.zmq, *options.links, options.keys->public_keys);
  listen(options);
  for (int rank : *options.links) connect(context, options, rank);
  pulse_.begin(context.zmq, options, beat, meter_);
}

void Sockets::listen(const Mailbox::Options& options) {
  const std::string& own = options.addresses.at(options.rank);
  in_.set(zmq::sockopt::linger, 0);
  const int most_messages =
      std::clamp(static_cast<int>(most_bytes_to_receive / options.largest_message),
                 least_to_receive, most_to_receive);
  const std::size_t largest = options.largest_message + sizeof(Header) + encryption_bytes;
  in_.set(zmq::sockopt::rcvhwm, most_messages);
  in_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(largest));
  in_.set(zmq::sockopt::handshake_ivl, static_cast<int>(options.handshake.count()));
  if (options.keys) {
    in_.set(zmq::sockopt::curve_server, true);
    in_.set(zmq::sockopt::curve_secretkey, options.keys->secret);
  }
  if (options.listener >= 0) in_.set(zmq::sockopt::use_fd, options.listener);
  in_.set(zmq::sockopt::ipv6, is_ipv6(own));
  try {
    in_.bind(own);
  } catch (const zmq::error_t& error) {
    throw nn::InputError(
        nn::concat("rank ", options.rank, " cannot listen at ", own, ": ", error.what()),
        "choose a free address, for TCP a numeric one: tcp://127.0.0.1:9000");
  }
  meter_.begin(in_, (most_messages + 2) * (largest + header_on_the_wire));
}

void Sockets::connect(Context& context, const Mailbox::Options& options, int rank) {
  Peer& peer = peers_[rank];
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

void Sockets::attend() {
  const SignalsWait undisturbed;
  gate_.attend(strangers_);
  for (int cut = meter_.take_cut(); cut > 0; --cut) strangers_.add("messages without an end");
  for (auto& [rank, peer] : peers_) read_events(peer);
}

void Sockets::read_events(Peer& peer) {
  for (zmq::message_t event, address; peer.events.recv(event, zmq::recv_flags::dontwait);) {
    (void)peer.events.recv(address);
    std::uint16_t kind = 0;  // the event's first two bytes
    std::memcpy(&kind, event.data(), sizeof kind);
    // A connection that breaks before its handshake is over is made again: on a busy machine some
    // take too long.
    if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) peer.is_connected = true;
    if (kind == ZMQ_EVENT_DISCONNECTED && peer.is_connected) peer.is_gone = true;
    if (kind & refused) peer.has_refused = true;
  }
}

bool Sockets::send(int to, const Header& header, const Message& payload) {
  const SignalsWait undisturbed;
  Peer& peer = peers_.at(to);
  const auto header_flags = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
  peer.is_full = !peer.out.send(zmq::buffer(&header, sizeof header), header_flags);
  if (peer.is_full) return false;
  // A message is taken whole or not at all: if its header was taken, its payload is.
  peer.out.send(message_of(payload, least_lent(), bell_), zmq::send_flags::none);
  return true;
}

std::optional<Transport::Arrival> Sockets::receive() {
  const SignalsWait undisturbed;
  zmq::message_t first, payload;
  if (!in_.recv(first, zmq::recv_flags::dontwait)) return {};
  bool is_whole = first.more() && in_.recv(payload).has_value();
  while (is_whole && payload.more()) {  // more than two frames
    is_whole = false;
    zmq::message_t surplus;
    while (in_.recv(surplus) && surplus.more()) {
    }
  }
  meter_.note(first);
  Arrival arrival{{}, message_of(std::move(payload)), user_of(first)};
  if (is_whole) arrival.header = message_of(std::move(first));
  return arrival;
}

Transport::Connection Sockets::connection(int to) const {
  const Peer& peer = peers_.at(to);
  if (peer.has_refused) return Connection::refused;
  return peer.is_gone ? Connection::broken : Connection::open;
}

void Sockets::sleep(std::chrono::milliseconds longest) {
  std::vector<zmq::pollitem_t> items{{in_.handle(), 0, ZMQ_POLLIN, 0},
                                     {nullptr, bell_->descriptor(), ZMQ_POLLIN, 0}};
  gate_.add_to(items);
  for (auto& [rank, peer] : peers_) {
    items.push_back({peer.events.handle(), 0, ZMQ_POLLIN, 0});
    if (peer.is_full) items.push_back({peer.out.handle(), 0, ZMQ_POLLOUT, 0});
  }
  try {
    zmq::poll(items, longest);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;
  }
  if (items[1].revents != 0) bell_->silence();
}

}  // namespace pipeline
