#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
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
//
// It numbers ranks as their launcher does. Epochs of an elastic run give them others, and have
// connections of their own.
class SimulatedNetwork {
 public:
  using Duration = VirtualTime::Clock::duration;
  struct Weather {
    std::chrono::microseconds latency{};               // of a message, at most
    std::vector<std::chrono::microseconds> work = {};  // of each rank between two looks, at most
    std::size_t room = 64;                             // messages of a connection
    bool lends = true;  // payloads stay where they are until they arrive, however small
    // Its time is added to that of the dice.
    std::function<Link(int from, int to)> link = [](int, int) { return Link{}; };
  };
  struct Crashed {};  // thrown to a rank's thread

  // Everything must outlive it.
  SimulatedNetwork(VirtualTime& time, Dice& dice, Weather weather);
  // `seats`: the numbers of an epoch's ranks.
  Network::Join join(int epoch = 0, std::vector<int> seats = {});

  // From now on no message reads the memory of a rank that has left its epoch.
  void withdraw(int rank);

  // A rank looks around, and sleeps. Throws Crashed if it crashes meanwhile.
  void pause(int rank, Duration duration);

  // Faults; a shorter one does not end a longer one of its kind. A rank that crashes takes some of
  // its messages with it; `silently`: no connection breaks, as if its machine had lost power.
  void crash(int rank, bool silently);
  void freeze(int rank, Duration duration);
  void occupy(int rank, Duration duration);       // it computes, and its beats go on
  void suspend(Duration duration);                // freezes all ranks, and those that come
  void cut(int from, int to, Duration duration);  // messages wait until the end of it
  void break_connection(int from, int to);
  void hide_folders(int rank, Duration duration);  // that it shares with the others
  void restart(int rank);                          // a new process takes the place of a lost one

  bool has_crashed(int rank) { return ranks_[rank].has_crashed; }
  bool has_vanished(int rank) { return ranks_[rank].has_vanished; }  // without a sign
  bool is_frozen(int rank) { return time_.now() < ranks_[rank].frozen_until; }
  bool sees_folders(int rank) { return time_.now() >= ranks_[rank].blind_until; }
  bool is_cut(int from, int to) { return time_.now() < cuts_[{from, to}]; }
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
  struct Name {
    int epoch, from, to;
    bool is_for_beats;
    auto operator<=>(const Name&) const = default;
  };
  struct Connection {
    std::deque<Parcel> parcels = {};
    std::size_t held = 0;  // parcels, and those that have arrived but not been taken
    bool is_open = false, is_broken = false, has_turned_away = false;
  };
  struct Rank {
    std::vector<int> links = {};
    std::deque<std::pair<Name, Transport::Arrival>> inbox = {};
    int epoch = 0;
    bool is_there = false, has_crashed = false, has_vanished = false;
    bool is_waiting = false, has_news = false;
    VirtualTime::Clock::time_point frozen_until = {}, busy_until = {}, blind_until = {};
    VirtualTime::Clock::time_point link_is_free = {};
  };

  // In a rank's thread; rest() throws Crashed if the rank crashes meanwhile.
  Duration work_of(int rank);  // until its next look
  void rest(int rank, Duration duration);
  void wait(int rank, std::chrono::milliseconds longest);  // for news
  void tell(int rank);                                     // that there are some
  void leave(int rank, bool is_seen);
  void send_beats(int rank, int epoch, const Beat& beat);
  bool is_in(int rank, int epoch) { return ranks_[rank].is_there && ranks_[rank].epoch == epoch; }

  void extend(VirtualTime::Clock::time_point& end, Duration duration) const;  // of a fault

  // Messages on their way (simulated_transit.cpp). A connection opens soon if both ranks are there.
  // put() finds room or not; the sender learns of the end when the connection is no longer cut.
  void open_soon(const Name& name);
  bool put(const Name& name, const Header& header, const Message& payload);
  Duration transit_of(int from, int to, std::size_t bytes);  // by their link
  void deliver(const Name& name);
  std::optional<Transport::Arrival> take(int rank);
  void end(const Name& name);
  void require_unchanged(const Name& name, const Parcel& parcel);
  void note(Event event, int from, int to, std::uint64_t detail = 0);

  VirtualTime& time_;
  Dice& dice_;
  Weather weather_;
  std::map<Name, Connection> connections_;
  std::map<int, Rank> ranks_;
  std::map<std::pair<int, int>, VirtualTime::Clock::time_point>
      cuts_;  // until when, by from and to
  Duration suspended_{};
  VirtualTime::Clock::time_point suspended_until_ = {};
};

}  // namespace pipeline
