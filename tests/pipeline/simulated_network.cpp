#include "tests/pipeline/simulated_network.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"

namespace pipeline {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds linger{500};        // of messages of a rank that has left
constexpr std::size_t room_for_beats = 2;  // old ones are useless

Message copy_of(std::span<const std::byte> bytes) {
  const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {*copy, copy};
}

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
    const int rank = options.rank;
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

void SimulatedNetwork::open_soon(const Name& name) {
  time_.after(dice_.up_to(weather_.latency), [this, name] {
    Connection& connection = connections_[name];
    const auto [from, to, is_for_beats] = name;
    if (connection.is_open || !ranks_[from].is_there || !ranks_[to].is_there) return;
    if (time_.now() < connection.cut_until)
      return time_.at(connection.cut_until, [this, name] { open_soon(name); });
    connection.is_open = true;
    note(connected, from, to, is_for_beats);
    tell(from);
  });
}

void SimulatedNetwork::send_beats(int rank, const Beat& beat) {
  const Rank& sender = ranks_[rank];
  if (!sender.is_there) return;
  if (time_.now() >= sender.frozen_until) {
    const auto [header, idle] = beat.content();
    const Message payload = copy_of(std::as_bytes(std::span(idle)));
    for (const int other : sender.links) put({rank, other, true}, header, payload);
  }
  time_.after(beat.interval(), [this, rank, &beat] { send_beats(rank, beat); });
}

bool SimulatedNetwork::put(const Name& name, const Header& header, const Message& payload) {
  Connection& connection = connections_.at(name);
  const auto [from, to, is_for_beats] = name;
  if (!connection.is_open || connection.is_broken) return false;
  if (connection.held >= (is_for_beats ? room_for_beats : weather_.room)) {
    connection.has_turned_away = true;
    return false;
  }
  ++connection.held;
  note(sent, from, to, header.sequence);
  const Message first = copy_of(std::as_bytes(std::span(&header, 1)));
  connection.parcels.push_back({{first, payload, {}},
                                nn::crc32c(payload.bytes),
                                time_.now() + dice_.up_to(weather_.latency)});
  if (connection.parcels.size() == 1)
    time_.at(connection.parcels.front().due, [this, name] { deliver(name); });
  return true;
}

void SimulatedNetwork::deliver(const Name& name) {
  Connection& connection = connections_.at(name);
  const auto [from, to, is_for_beats] = name;
  if (connection.parcels.empty()) return;  // lost meanwhile
  if (time_.now() < connection.cut_until)
    return time_.at(connection.cut_until, [this, name] { deliver(name); });
  const Parcel parcel = std::move(connection.parcels.front());
  connection.parcels.pop_front();
  const auto& [header, payload, sender] = parcel.arrival;
  note(arrived, from, to, parcel.checksum);
  if (nn::crc32c(payload.bytes) != parcel.checksum)
    broken_promise =
        nn::concat("rank ", from, " wrote to memory that a message to rank ", to, " still read");
  if (ranks_[to].is_there) {
    ranks_[to].inbox.push_back({name, {header, copy_of(payload.bytes), sender}});
    tell(to);
  }
  if (!connection.parcels.empty())
    time_.at(connection.parcels.front().due, [this, name] { deliver(name); });
}

std::optional<Transport::Arrival> SimulatedNetwork::take(int rank) {
  auto& inbox = ranks_.at(rank).inbox;
  if (inbox.empty()) return {};
  const auto [name, arrival] = std::move(inbox.front());
  inbox.pop_front();
  Connection& connection = connections_.at(name);
  --connection.held;
  if (std::exchange(connection.has_turned_away, false))
    time_.after(dice_.up_to(weather_.latency), [this, from = std::get<0>(name)] { tell(from); });
  return arrival;
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

// The sender learns of it now, or when the connection is no longer cut.
void SimulatedNetwork::end(const Name& name) {
  Connection& connection = connections_.at(name);
  const auto [from, to, is_for_beats] = name;
  if (!connection.is_open || connection.is_broken) return;
  if (time_.now() < connection.cut_until)
    return time_.at(connection.cut_until, [this, name] { end(name); });
  note(broke, from, to);
  connection.is_broken = true;
  connection.parcels.clear();
  tell(from);
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

void SimulatedNetwork::note(Event event, int from, int to, std::uint64_t detail) {
  const auto now = static_cast<std::uint64_t>(time_.now().time_since_epoch().count());
  for (const std::uint64_t number :
       {now, std::uint64_t{event}, std::uint64_t(from), std::uint64_t(to), detail})
    trace = (trace ^ number) * 0x9e3779b97f4a7c15 + (trace >> 29);
}

}  // namespace pipeline
