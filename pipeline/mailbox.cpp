#include "pipeline/mailbox.h"

#include <cstring>
#include <deque>
#include <map>
#include <sstream>
#include <utility>
#include <zmq.hpp>

#include "nn/error.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint32_t magic = 0x42495254;  // "TRIB"
constexpr std::uint16_t version = 1;
constexpr std::size_t least_zero_copy = 64 << 10;  // below it a copy is cheaper
constexpr int messages_in_flight = 64;             // for each pair of ranks
constexpr std::size_t largest_message = std::size_t{1} << 30;

// The first frame of every message; the payload is the second.
struct Header {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint8_t kind;
  std::uint8_t real_bytes;
  std::uint64_t run;
  std::uint64_t sequence;  // counts this sender's messages to this receiver
  std::uint64_t bytes;
  std::int32_t from, step, item, part;
};
static_assert(sizeof(Header) == 48);

struct Outgoing {
  zmq::message_t header, payload;
};

}  // namespace

struct Network::Context {
  zmq::context_t zmq{1};
};

Network::Network() : context_(std::make_unique<Context>()) {
  context_->zmq.set(zmq::ctxopt::blocky, false);
}
Network::~Network() = default;

struct Mailbox::Sockets {
  // What this rank knows of another one.
  struct Peer {
    zmq::socket_t out;
    zmq::socket_t events;  // of `out`: tells when the connection breaks
    std::deque<Outgoing> waiting;
    std::uint64_t sent = 0, received = 0;
    bool was_met = false, has_parted = false, is_gone = false;
    std::string failure;
  };

  Sockets(Network& network, Options given)
      : options(std::move(given)), in(network.context_->zmq, zmq::socket_type::pull) {
    const std::string& own = options.addresses.at(options.rank);
    in.set(zmq::sockopt::linger, 0);
    in.set(zmq::sockopt::rcvhwm, messages_in_flight);
    in.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(largest_message));
    in.set(zmq::sockopt::handshake_ivl, 5000);
    try {
      in.bind(own);
    } catch (const zmq::error_t& error) {
      throw nn::InputError(
          nn::concat("rank ", options.rank, " cannot listen at ", own, ": ", error.what()),
          "choose an address that is free and of this machine");
    }
    peers.resize(options.addresses.size());
    for (int rank = 0; rank < static_cast<int>(peers.size()); ++rank)
      if (rank != options.rank) connect(network.context_->zmq, rank);
  }

  void connect(zmq::context_t& context, int rank) {
    Peer& peer = peers[rank];
    peer.out = zmq::socket_t(context, zmq::socket_type::push);
    peer.out.set(zmq::sockopt::linger, 500);
    peer.out.set(zmq::sockopt::sndhwm, messages_in_flight);
    peer.out.set(zmq::sockopt::immediate, true);
    peer.out.set(zmq::sockopt::reconnect_ivl, 50);
    peer.out.set(zmq::sockopt::reconnect_ivl_max, 1000);
    peer.out.set(zmq::sockopt::heartbeat_ivl, 1000);
    peer.out.set(zmq::sockopt::heartbeat_timeout, static_cast<int>(options.heartbeat.count()));
    const std::string name = nn::concat("inproc://events-", this, '-', rank);
    if (zmq_socket_monitor(peer.out.handle(), name.c_str(), ZMQ_EVENT_DISCONNECTED) != 0)
      throw zmq::error_t();
    peer.events = zmq::socket_t(context, zmq::socket_type::pair);
    peer.events.connect(name);
    try {
      peer.out.connect(options.addresses[rank]);
    } catch (const zmq::error_t& error) {
      throw nn::InputError(nn::concat("rank ", options.rank, " cannot connect to ",
                                      options.addresses[rank], ": ", error.what()),
                           "addresses look like tcp://host:port or ipc:///folder/name");
    }
  }

  void push(int to, Tag tag, zmq::message_t payload) {
    if (to == options.rank)
      return keep(to, tag, std::make_shared<zmq::message_t>(std::move(payload)));
    Peer& peer = peers.at(to);
    const Header header{magic,       version,     tag.kind,       sizeof(nn::real),
                        options.run, peer.sent++, payload.size(), options.rank,
                        tag.step,    tag.item,    tag.part};
    peer.waiting.push_back({zmq::message_t(&header, sizeof header), std::move(payload)});
    flush(peer);
  }

  void flush(Peer& peer) {
    while (!peer.waiting.empty()) {
      Outgoing& next = peer.waiting.front();
      // A message is taken whole or not at all: once its header is in, its payload is.
      if (!peer.out.send(next.header, zmq::send_flags::dontwait | zmq::send_flags::sndmore)) return;
      peer.out.send(next.payload, zmq::send_flags::none);
      peer.waiting.pop_front();
    }
  }

  void drain() {
    for (;;) {
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

  void accept(const zmq::message_t& first, std::shared_ptr<zmq::message_t> payload, bool is_whole) {
    Header header;
    if (!is_whole || first.size() != sizeof header) return void(++strangers);
    std::memcpy(&header, first.data(), sizeof header);
    if (header.magic != magic || header.version != version || header.run != options.run ||
        header.kind > Tag::failure || header.from < 0 ||
        header.from >= static_cast<int>(peers.size()) || header.from == options.rank ||
        header.bytes != payload->size())
      return void(++strangers);
    Peer& peer = peers[header.from];
    nn::require(header.real_bytes == sizeof(nn::real), "rank ", header.from, " computes with ",
                8 * header.real_bytes, "-bit numbers, rank ", options.rank, " with ",
                8 * sizeof(nn::real));
    if (header.sequence != peer.received++)
      throw PeerLost(nn::concat("rank ", options.rank, ": messages of rank ", header.from,
                                " were lost on the way"));
    const Tag tag{static_cast<Tag::Kind>(header.kind), header.step, header.item, header.part};
    if (tag.kind == Tag::hello) peer.was_met = true;
    if (tag.kind == Tag::goodbye) peer.has_parted = true;
    if (tag.kind == Tag::failure) peer.failure = payload->to_string();
    keep(header.from, tag, std::move(payload));
  }

  void keep(int from, Tag tag, std::shared_ptr<zmq::message_t> payload) {
    const std::span bytes(static_cast<const std::byte*>(payload->data()), payload->size());
    early.insert_or_assign({from, tag}, Message{bytes, std::move(payload)});
  }

  void read_events() {
    for (Peer& peer : peers)
      if (peer.events) {
        zmq::message_t event, address;
        while (peer.events.recv(event, zmq::recv_flags::dontwait)) {
          (void)peer.events.recv(address);
          peer.is_gone = true;
        }
      }
  }

  // What went wrong with another rank, if anything.
  std::string trouble() const {
    for (const Peer& peer : peers)
      if (!peer.failure.empty()) return peer.failure;
    for (int rank = 0; rank < static_cast<int>(peers.size()); ++rank)
      if (peers[rank].is_gone && peers[rank].was_met && !peers[rank].has_parted)
        return nn::concat("rank ", rank, " is gone");
    return "";
  }

  void move_messages() {
    drain();
    for (Peer& peer : peers) flush(peer);
    read_events();
  }

  // Sleeps until something may have changed.
  void sleep(milliseconds longest) {
    std::vector<zmq::pollitem_t> items{{in.handle(), 0, ZMQ_POLLIN, 0}};
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

  // A rank that stops sends its reason before its connection breaks, but the news may overtake it.
  void throw_trouble(const std::string& what) {
    const auto give_up = Clock::now() + milliseconds(300);
    std::string reason = trouble();
    while (reason.ends_with("is gone") && Clock::now() < give_up) {
      sleep(milliseconds(20));
      drain();
      reason = trouble();
    }
    throw PeerLost(nn::concat(reason, ", while ", what));
  }

  Options options;
  zmq::socket_t in;
  std::vector<Peer> peers;
  std::map<std::pair<int, Tag>, Message> early;
  int strangers = 0;
};

namespace {

void require_same_terms(int other, const std::string& theirs, const std::string& ours) {
  std::istringstream their_lines(theirs), our_lines(ours);
  std::string their_line, our_line;
  while (their_lines || our_lines) {
    their_line.clear(), our_line.clear();
    std::getline(their_lines, their_line), std::getline(our_lines, our_line);
    if (their_line != our_line)
      throw nn::InputError(nn::concat("rank ", other, " was started with ", their_line,
                                      ", this one with ", our_line),
                           "start all ranks with the same options, but for --rank");
  }
}

}  // namespace

Mailbox::Mailbox(Network& network, Options options)
    : sockets_(std::make_unique<Sockets>(network, std::move(options))) {}

Mailbox::~Mailbox() = default;

int Mailbox::rank() const { return sockets_->options.rank; }
int Mailbox::ranks() const { return static_cast<int>(sockets_->peers.size()); }
int Mailbox::strangers() const { return sockets_->strangers; }

void Mailbox::meet(const std::string& terms, milliseconds patience) {
  for (int to = 0; to < ranks(); ++to)
    if (to != rank()) send_text(to, {Tag::hello}, terms);
  const auto missing = [this] {
    std::string names;
    for (int other = 0; other < ranks(); ++other)
      if (other != rank() && !sockets_->peers[other].was_met)
        names += nn::concat(names.empty() ? "" : ", ", other);
    return names;
  };
  const milliseconds deadline = std::exchange(sockets_->options.deadline, patience);
  try {
    wait([&] { return missing().empty(); }, "meeting the other ranks");
  } catch (const PeerLost& lost) {
    throw PeerLost(nn::concat(lost.what(), "; not here: rank ", missing()));
  }
  sockets_->options.deadline = deadline;
  for (int other = 0; other < ranks(); ++other)
    if (other != rank()) require_same_terms(other, try_receive(other, {Tag::hello})->text(), terms);
}

void Mailbox::send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease) {
  if (numbers.size_bytes() < least_zero_copy)
    return sockets_->push(to, tag, zmq::message_t(numbers.data(), numbers.size_bytes()));
  lease.take();
  sockets_->push(to, tag,
                 zmq::message_t(
                     const_cast<nn::real*>(numbers.data()), numbers.size_bytes(),
                     [](void*, void* hint) { static_cast<Lease*>(hint)->give_back(); }, &lease));
}

void Mailbox::send_text(int to, Tag tag, const std::string& text) {
  sockets_->push(to, tag, zmq::message_t(text.data(), text.size()));
}

std::optional<Message> Mailbox::try_receive(int from, Tag tag) {
  const auto found = sockets_->early.find({from, tag});
  if (found == sockets_->early.end()) return std::nullopt;
  std::optional<Message> message = std::move(found->second);
  sockets_->early.erase(found);
  return message;
}

void Mailbox::wait(const std::function<bool()>& is_done, const std::string& what) {
  const auto start = Clock::now();
  for (;;) {
    sockets_->move_messages();
    if (is_done()) return;
    if (sockets_->options.stop && *sockets_->options.stop) throw Stopped();
    if (!sockets_->trouble().empty()) sockets_->throw_trouble(what);
    const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
    if (waited >= sockets_->options.deadline)
      throw PeerLost(nn::concat("nothing came for ", waited.count() / 1000, " s, while ", what));
    sockets_->sleep(std::min(sockets_->options.deadline - waited, milliseconds(200)));
  }
}

Message Mailbox::receive(int from, Tag tag, const std::string& what) {
  std::optional<Message> message;
  wait([&] { return (message = try_receive(from, tag)).has_value(); }, what);
  return *std::move(message);
}

void Mailbox::progress(const std::string& what) {
  sockets_->move_messages();
  if (sockets_->options.stop && *sockets_->options.stop) throw Stopped();
  if (!sockets_->trouble().empty()) sockets_->throw_trouble(what);
}

void Mailbox::part() {
  for (int to = 0; to < ranks(); ++to)
    if (to != rank()) send_text(to, {Tag::goodbye}, "");
  wait(
      [this] {
        for (int other = 0; other < ranks(); ++other)
          if (other != rank() && !sockets_->peers[other].has_parted) return false;
        for (const Sockets::Peer& peer : sockets_->peers)
          if (!peer.waiting.empty()) return false;
        return true;
      },
      "saying goodbye");
}

void Mailbox::announce_failure(const std::string& reason) noexcept {
  try {
    for (int to = 0; to < ranks(); ++to)
      if (to != rank()) send_text(to, {Tag::failure}, reason);
  } catch (...) {  // those who do not hear it will see the connection break
  }
}

}  // namespace pipeline
