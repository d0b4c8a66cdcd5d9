#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "pipeline/mailbox/beat.h"
#include "pipeline/mailbox/transport.h"
#include "pipeline/prediction/predict.h"
#include "tests/pipeline/dice.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

// A network in virtual time, on which a seed decides how long everything takes. Each pair of ranks
// has four connections, as over ZeroMQ: in either direction one for messages and one for beats. A
// connection keeps the order of its messages, and holds so many until the receiver takes them.
class SimulatedNetwork {
 public:
  using Duration = VirtualTime::Clock::duration;
  struct Weather {
    std::chrono::microseconds latency{};               // of a message, at most
    std::vector<std::chrono::microseconds> work = {};  // of each rank between two looks, at most
    std::size_t room = 64;                             // messages of a connection
    bool lends = true;  // payloads stay where they are until they arrive, however small
    Link link = {};     // of each rank; its time is added to that of the dice
  };
  struct Crashed {};  // thrown to a rank's thread

  // Everything must outlive it.
  SimulatedNetwork(VirtualTime& time, Dice& dice, Weather weather);
  Network::Join join();

  // Faults. A rank that crashes takes some of its messages with it; `silently`: no connection
  // breaks, as if its machine had lost power.
  void crash(int rank, bool silently);
  void freeze(int rank, Duration duration);
  void occupy(int rank, Duration duration);       // it computes, and its beats go on
  void suspend(Duration duration);                // freezes all ranks
  void cut(int from, int to, Duration duration);  // messages wait until the end of it
  void break_connection(int from, int to);

  bool has_crashed(int rank) const { return ranks_.at(rank).has_crashed; }
  Duration suspended() const { return suspended_; }  // all suspensions together

  std::function<void(int rank)> on_look = [](int) {};  // into its mailbox
  std::string broken_promise;                          // of a mailbox; empty if there is none
  std::uint64_t trace = 0;                             // a hash of everything that happened

 private:
  class End;
  enum Event : std::uint64_t { connected, sent, arrived, broke, looked, crashed };
  struct Parcel {
    Transport::Arrival arrival;
    std::uint64_t checksum;  // of the payload as it was sent
    VirtualTime::Clock::time_point due;
  };
  using Name = std::tuple<int, int, bool>;  // from, to, is for beats
  struct Connection {
    std::deque<Parcel> parcels = {};
    std::size_t held = 0;  // parcels, and those that have arrived but not been taken
    bool is_open = false, is_broken = false, has_turned_away = false;
    VirtualTime::Clock::time_point cut_until = {};
  };
  struct Rank {
    std::vector<int> links = {};
    std::deque<std::pair<Name, Transport::Arrival>> inbox = {};
    bool is_there = false, has_crashed = false, is_waiting = false, has_news = false;
    VirtualTime::Clock::time_point frozen_until = {}, busy_until = {}, link_is_free = {};
  };

  // In a rank's thread; rest() throws Crashed if the rank crashes meanwhile.
  Duration work_of(int rank);  // until its next look
  void rest(int rank, Duration duration);
  void wait(int rank, std::chrono::milliseconds longest);  // for news
  void tell(int rank);                                     // that there are some
  void leave(int rank, bool is_seen);
  void send_beats(int rank, const Beat& beat);

  // Messages on their way (simulated_transit.cpp). A connection opens soon if both ranks are there.
  // put() finds room or not; the sender learns of the end when the connection is no longer cut.
  void open_soon(const Name& name);
  bool put(const Name& name, const Header& header, const Message& payload);
  Duration transit_of(int from, std::size_t bytes);  // by the link
  void deliver(const Name& name);
  std::optional<Transport::Arrival> take(int rank);
  void end(const Name& name);
  void note(Event event, int from, int to, std::uint64_t detail = 0);

  VirtualTime& time_;
  Dice& dice_;
  Weather weather_;
  std::map<Name, Connection> connections_;
  std::map<int, Rank> ranks_;  // all, once one has joined
  Duration suspended_{};
};

}  // namespace pipeline
