#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/mailbox/beat.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/transport.h"

// The implementation of a mailbox: the rules of a run, whatever carries its messages. Only the
// mailbox includes this.
namespace pipeline {

struct Mailbox::State {
  using Clock = Transport::Clock;
  struct Outgoing {
    Header header;
    Message payload;
  };
  // The state of another rank.
  struct Peer {
    std::deque<Outgoing> waiting;          // until the transport takes it
    std::uint64_t sent = 0, received = 0;  // messages
    std::uint64_t sent_bytes = 0;
    bool was_met = false, has_parted = false;
    std::string failure;
    // By the clock `attended`: when it last sent anything, and last looked into its mailbox.
    Clock::duration heard{}, active{};
    std::optional<std::uint64_t> looks;  // into its mailbox, as its beats count them

    bool is_here() const { return was_met && looks; }  // with all its connections
  };

  // Begins to connect to all linked ranks.
  State(const Network& network, Options given);

  std::string name(int rank) const;  // for errors: "rank 3"
  int number(int rank) const;

  // Queues a message and sends what the transport takes; the rest leaves with a later flush.
  void push(int to, Tag tag, Message payload);
  void flush(int to, Peer& peer);
  bool has_outgoing() const;

  // Receives what has arrived: keeps the messages of this run and counts others.
  void drain();
  void accept(const Transport::Arrival& arrival);
  // What is wrong with a message; empty if it belongs to this run and is expected.
  std::string fault_of(const std::optional<Header>& header, std::optional<int> sender) const;
  bool is_expected(const Header& header) const;
  void hear_beat(int from, std::uint64_t looks, const Message& payload);
  void keep(int from, Tag tag, Message payload);

  // Messages not yet asked for, by (sender, tag). With a rule, also an empty entry for each one
  // handed out, so that none is accepted twice.
  using Early = std::map<std::pair<int, Tag>, std::optional<Message>>;
  std::optional<Message> take(Early::iterator place);
  void begin_step(int number);

  // Ranks that have not looked into their mailbox for half the deadline, and how long.
  IdleTimes idle() const;

  void move_messages();  // in both directions

  // "rank 3 has done nothing for 58 s", for ranks that run but do not look into their mailbox; if
  // there are none, "nothing came for 60 s".
  std::string idle_since(std::chrono::milliseconds waited) const;

  bool is_gone(int rank) const;                    // its connection broke
  bool is_lost(int rank, const Peer& peer) const;  // gone, or without a beat for too long
  void look_for_losses();
  // What went wrong with another rank; empty if nothing did.
  std::string trouble() const;
  // Throws Stopped if this rank was told to stop, PeerLost if another one is in trouble. A rank
  // that stops sends its reason or goodbye before its connection breaks, but the break may be
  // noticed first: so it waits a moment.
  void throw_trouble(const std::string& what);

  Options options;  // with the linked ranks filled in
  Strangers strangers;
  Beat beat;
  std::unique_ptr<Transport> transport;
  std::map<int, Peer> peers;  // the ranks that are linked with this one
  // Those that are lost, the first one first: others may have left because of it.
  std::vector<int> lost;
  IdleTimes idle_elsewhere;  // as rank 0 says
  Early early;
  Rule rule;
  int step = 0;
  // How long this rank has attended to its mailbox. The time between two looks is capped, so that
  // neither computation nor suspension of the process counts.
  Clock::duration attended{};
  Clock::time_point last_look;
};

}  // namespace pipeline
