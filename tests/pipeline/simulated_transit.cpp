#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "tests/pipeline/simulated_network.h"

// Messages on their way through a simulated network.
namespace pipeline {

namespace {

constexpr std::size_t room_for_beats = 2;  // old ones are useless

Message copy_of(std::span<const std::byte> bytes) {
  const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {*copy, copy};
}

}  // namespace

void SimulatedNetwork::open_soon(const Name& name) {
  time_.after(dice_.up_to(weather_.latency), [this, name] {
    Connection& connection = connections_[name];
    const auto [epoch, from, to, is_for_beats] = name;
    if (connection.is_open || !is_in(from, epoch) || !is_in(to, epoch)) return;
    if (is_cut(from, to)) return time_.at(cuts_[{from, to}], [this, name] { open_soon(name); });
    connection.is_open = true;
    note(connected, from, to, is_for_beats);
    tell(from);
  });
}

bool SimulatedNetwork::put(const Name& name, const Header& header, const Message& payload) {
  Connection& connection = connections_.at(name);
  const auto [epoch, from, to, is_for_beats] = name;
  if (!connection.is_open || connection.is_broken) return false;
  if (connection.held >= (is_for_beats ? room_for_beats : weather_.room)) {
    connection.has_turned_away = true;
    return false;
  }
  ++connection.held;
  note(sent, from, to, header.sequence);
  const Message first = copy_of(std::as_bytes(std::span(&header, 1)));
  connection.parcels.push_back(
      {{first, payload, {}},
       nn::crc32c(payload.bytes),
       time_.now() + dice_.up_to(weather_.latency) +
           (is_for_beats ? Duration() : transit_of(from, to, payload.bytes.size()))});
  if (connection.parcels.size() == 1)
    time_.at(connection.parcels.front().due, [this, name] { deliver(name); });
  return true;
}

SimulatedNetwork::Duration SimulatedNetwork::transit_of(int from, int to, std::size_t bytes) {
  const Link link = weather_.link(from, to);
  const auto duration = [](double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  };
  auto& is_free = ranks_.at(from).link_is_free;
  is_free =
      std::max(is_free, time_.now()) + duration(static_cast<double>(bytes) * link.seconds_per_byte);
  return is_free + duration(link.latency) - time_.now();
}

void SimulatedNetwork::deliver(const Name& name) {
  Connection& connection = connections_.at(name);
  const auto [epoch, from, to, is_for_beats] = name;
  if (connection.parcels.empty()) return;  // lost meanwhile
  if (is_cut(from, to)) return time_.at(cuts_[{from, to}], [this, name] { deliver(name); });
  const Parcel parcel = std::move(connection.parcels.front());
  connection.parcels.pop_front();
  const auto& [header, payload, sender] = parcel.arrival;
  note(arrived, from, to, parcel.checksum);
  require_unchanged(name, parcel);
  if (is_in(to, epoch)) {
    ranks_[to].inbox.push_back({name, {header, copy_of(payload.bytes), sender}});
    tell(to);
  }
  if (!is_for_beats) tell(from);  // the payload has been read
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
    time_.after(dice_.up_to(weather_.latency), [this, from = name.from] { tell(from); });
  return arrival;
}

void SimulatedNetwork::end(const Name& name) {
  Connection& connection = connections_.at(name);
  const auto [epoch, from, to, is_for_beats] = name;
  if (!connection.is_open || connection.is_broken) return;
  if (is_cut(from, to)) return time_.at(cuts_[{from, to}], [this, name] { end(name); });
  note(broke, from, to);
  connection.is_broken = true;
  connection.parcels.clear();
  tell(from);
}

void SimulatedNetwork::require_unchanged(const Name& name, const Parcel& parcel) {
  if (nn::crc32c(parcel.arrival.payload.bytes) != parcel.checksum)
    broken_promise = nn::concat("rank ", name.from, " wrote to memory that a message to rank ",
                                name.to, " still read");
}

void SimulatedNetwork::withdraw(int rank) {
  for (auto& [name, connection] : connections_)
    for (Parcel& parcel : connection.parcels) {
      if (name.from != rank) continue;
      require_unchanged(name, parcel);
      parcel.arrival.payload = copy_of(parcel.arrival.payload.bytes);
    }
}

void SimulatedNetwork::note(Event event, int from, int to, std::uint64_t detail) {
  const auto now = static_cast<std::uint64_t>(time_.now().time_since_epoch().count());
  for (const std::uint64_t number :
       {now, std::uint64_t{event}, std::uint64_t(from), std::uint64_t(to), detail})
    trace = (trace ^ number) * 0x9e3779b97f4a7c15 + (trace >> 29);
}

}  // namespace pipeline
