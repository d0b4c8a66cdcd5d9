#include "tests/pipeline/simulated_network.h"

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
  End(SimulatedNetwork& network, int rank) : network_(network), rank_(rank) {}
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
    return network_.put({rank_, to, false}, header, payload);
  }
  std::optional<Arrival> receive() override { return network_.take(rank_); }
  Connection connection(int to) const override {
    return network_.connections_.at({rank_, to, false}).is_broken ? Connection::broken
                                                                  : Connection::open;
  }
  void close_to(int) override {}
  void sleep(milliseconds longest) override { network_.wait(rank_, longest); }
  std::size_t least_lent() const override { return network_.weather_.lends ? 0 : SIZE_MAX; }

 private:
  SimulatedNetwork& network_;
  int rank_;
};

SimulatedNetwork::SimulatedNetwork(VirtualTime& time, Dice& dice, Weather weather)
    : time_(time), dice_(dice), weather_(std::move(weather)) {}

Network::Join SimulatedNetwork::join() {
  return [this](const Mailbox::Options& options, const Beat& beat, Strangers&) {
    const int rank = options.rank, ranks = static_cast<int>(options.addresses.size());
    for (int each = 0; each < ranks; ++each) ranks_[each];
    ranks_[rank].links = *options.links;
    ranks_[rank].is_there = true;
    for (const int other : *options.links)
      for (const Name& name : {Name(rank, other, false), Name(rank, other, true),
                               Name(other, rank, false), Name(other, rank, true)}) {
        connections_[name];
        open_soon(name);
      }
    send_beats(rank, beat);
    return std::make_unique<End>(*this, rank);
  };
}

SimulatedNetwork::Duration SimulatedNetwork::work_of(int rank) {
  const std::chrono::microseconds least(1);
  return weather_.work.empty() ? least : least + dice_.up_to(weather_.work.at(rank));
}

void SimulatedNetwork::send_beats(int rank, const Beat& beat) {
  const Rank& sender = ranks_[rank];
  if (!sender.is_there) return;
  if (time_.now() >= sender.frozen_until) {
    const auto [header, idle] = beat.content();
    const auto owner = std::make_shared<std::string>(idle);
    for (const int other : sender.links)
      put({rank, other, true}, header, {std::as_bytes(std::span(*owner)), owner});
  }
  time_.after(beat.interval(), [this, rank, &beat] { send_beats(rank, beat); });
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

void SimulatedNetwork::rest(int rank, Duration duration) {
  const Rank& own = ranks_.at(rank);
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
    const Name in{other, rank, false}, out{rank, other, false};
    time_.after(linger, [this, out] { connections_.at(out).parcels.clear(); });
    if (is_seen) time_.after(dice_.up_to(weather_.latency), [this, in] { end(in); });
  }
}

void SimulatedNetwork::crash(int rank, bool silently) {
  Rank& own = ranks_.at(rank);
  if (!own.is_there) return;
  note(crashed, rank, rank);
  for (const int other : own.links) {
    auto& parcels = connections_.at({rank, other, false}).parcels;
    parcels.resize(dice_.below(static_cast<int>(parcels.size()) + 1));
  }
  leave(rank, !silently);
  own.has_crashed = true;
  time_.wake(rank);
}

void SimulatedNetwork::freeze(int rank, Duration duration) {
  occupy(rank, duration);
  ranks_.at(rank).frozen_until = time_.now() + duration;
}

void SimulatedNetwork::occupy(int rank, Duration duration) {
  ranks_.at(rank).busy_until = time_.now() + duration;
}

void SimulatedNetwork::suspend(Duration duration) {
  suspended_ += duration;
  for (const auto& [rank, state] : ranks_) freeze(rank, duration);
}

void SimulatedNetwork::cut(int from, int to, Duration duration) {
  for (const bool is_for_beats : {false, true})
    connections_[{from, to, is_for_beats}].cut_until = time_.now() + duration;
}

void SimulatedNetwork::break_connection(int from, int to) {
  connections_[{from, to, false}].cut_until = {};
  end({from, to, false});
}

}  // namespace pipeline
