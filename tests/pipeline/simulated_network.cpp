#include "tests/pipeline/simulated_network.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "pipeline/mailbox/beat.h"

namespace pipeline {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds linger{500};  // of messages of a rank that has left

}  // namespace

// One rank's end of it.
class SimulatedNetwork::End : public Transport {
 public:
  End(SimulatedNetwork& network, int epoch, int rank, std::vector<int> seats)
      : network_(network), epoch_(epoch), rank_(rank), seats_(std::move(seats)) {}
  ~End() override {
    if (!network_.has_crashed(rank_)) network_.leave(rank_, true);
  }

  Clock::time_point now() override { return network_.time_.now(); }
  void attend() override {
    network_.note(looked, rank_, rank_);
    network_.on_look(rank_);
    network_.rest(rank_, network_.work_of(rank_));
  }
  bool send(int to, const Header& header, const Message& payload) override {
    return network_.put(to_rank(to), header, payload);
  }
  std::optional<Arrival> receive() override { return network_.take(rank_); }
  Connection connection(int to) const override {
    return network_.connections_.at(to_rank(to)).is_broken ? Connection::broken : Connection::open;
  }
  void close_to(int) override {}
  void sleep(milliseconds longest) override { network_.wait(rank_, longest); }
  std::size_t least_lent() const override { return network_.weather_.lends ? 0 : SIZE_MAX; }

 private:
  Name to_rank(int number) const { return {epoch_, rank_, seats_[number], false}; }

  SimulatedNetwork& network_;
  int epoch_, rank_;
  std::vector<int> seats_;
};

SimulatedNetwork::SimulatedNetwork(VirtualTime& time, Dice& dice, Weather weather)
    : time_(time), dice_(dice), weather_(std::move(weather)) {
  for (std::size_t rank = 0; rank < weather_.work.size(); ++rank) ranks_[static_cast<int>(rank)];
}

Network::Join SimulatedNetwork::join(int epoch, std::vector<int> seats) {
  return [this, epoch, seats = std::move(seats)](const Mailbox::Options& options, const Beat& beat,
                                                 Strangers&) mutable {
    for (int rank = 0; seats.size() < options.addresses.size(); ++rank) seats.push_back(rank);
    const int rank = seats[options.rank];
    Rank& own = ranks_[rank];
    own.epoch = epoch, own.is_there = true, own.links.clear();
    for (const int number : *options.links) {
      const int other = seats[number];
      own.links.push_back(other);
      for (const bool is_for_beats : {false, true})
        for (const Name& name :
             {Name{epoch, rank, other, is_for_beats}, Name{epoch, other, rank, is_for_beats}}) {
          connections_[name];
          open_soon(name);
        }
    }
    send_beats(rank, epoch, beat);
    return std::make_unique<End>(*this, epoch, rank, seats);
  };
}

SimulatedNetwork::Duration SimulatedNetwork::work_of(int rank) {
  const std::chrono::microseconds least(1);
  return weather_.work.empty() ? least : least + dice_.up_to(weather_.work.at(rank));
}

void SimulatedNetwork::send_beats(int rank, int epoch, const Beat& beat) {
  if (!is_in(rank, epoch)) return;
  if (!is_frozen(rank)) {
    const auto [header, idle] = beat.content();
    const auto owner = std::make_shared<std::string>(idle);
    for (const int other : ranks_[rank].links)
      put({epoch, rank, other, true}, header, {std::as_bytes(std::span(*owner)), owner});
  }
  time_.after(beat.interval(), [this, rank, epoch, &beat] { send_beats(rank, epoch, beat); });
}

void SimulatedNetwork::tell(int rank) {
  Rank& told = ranks_.at(rank);
  told.has_news = true;
  if (told.is_waiting) time_.wake(rank);
}

void SimulatedNetwork::wait(int rank, milliseconds longest) {
  Rank& own = ranks_.at(rank);
  own.is_waiting = true;
  if (own.inbox.empty() && !own.has_news) rest(rank, longest);
  own.is_waiting = own.has_news = false;
}

void SimulatedNetwork::pause(int rank, Duration duration) {
  on_look(rank);
  rest(rank, duration);
}

void SimulatedNetwork::rest(int rank, Duration duration) {
  const Rank& own = ranks_[rank];
  time_.sleep(rank, duration);
  while (!own.has_crashed && time_.now() < own.busy_until)
    time_.sleep(rank, own.busy_until - time_.now());
  if (own.has_crashed) throw Crashed();
}

void SimulatedNetwork::leave(int rank, bool is_seen) {
  Rank& own = ranks_.at(rank);
  own.is_there = false;
  own.inbox.clear();
  for (const int other : own.links) {
    const Name in{own.epoch, other, rank, false}, out{own.epoch, rank, other, false};
    time_.after(linger, [this, out] { connections_.at(out).parcels.clear(); });
    if (is_seen) time_.after(dice_.up_to(weather_.latency), [this, in] { end(in); });
  }
}

void SimulatedNetwork::crash(int rank, bool silently) {
  Rank& own = ranks_[rank];
  if (own.has_crashed) return;
  note(crashed, rank, rank);
  own.has_crashed = true;
  own.has_vanished = silently;
  time_.wake(rank);
  if (!own.is_there) return;
  for (const int other : own.links) {
    auto& parcels = connections_.at({own.epoch, rank, other, false}).parcels;
    parcels.resize(dice_.below(static_cast<int>(parcels.size()) + 1));
  }
  leave(rank, !silently);
}

void SimulatedNetwork::restart(int rank) {
  ranks_[rank] = {};
  if (time_.now() < suspended_until_) freeze(rank, suspended_until_ - time_.now());
}

void SimulatedNetwork::extend(VirtualTime::Clock::time_point& end, Duration duration) const {
  end = std::max(end, time_.now() + duration);
}

void SimulatedNetwork::freeze(int rank, Duration duration) {
  occupy(rank, duration);
  extend(ranks_[rank].frozen_until, duration);
}

void SimulatedNetwork::occupy(int rank, Duration duration) {
  extend(ranks_[rank].busy_until, duration);
}

void SimulatedNetwork::suspend(Duration duration) {
  suspended_ += duration;
  extend(suspended_until_, duration);
  for (const auto& [rank, state] : ranks_) freeze(rank, duration);
}

void SimulatedNetwork::cut(int from, int to, Duration duration) {
  extend(cuts_[{from, to}], duration);
}

void SimulatedNetwork::break_connection(int from, int to) {
  cuts_.erase({from, to});
  const Name name{ranks_[from].epoch, from, to, false};
  if (connections_.contains(name)) end(name);
}

void SimulatedNetwork::hide_folders(int rank, Duration duration) {
  extend(ranks_[rank].blind_until, duration);
}

}  // namespace pipeline
