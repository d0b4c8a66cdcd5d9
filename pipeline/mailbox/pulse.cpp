#include "pipeline/mailbox/pulse.h"

#include <algorithm>
#include <cstring>
#include <stop_token>
#include <utility>

#include "nn/real.h"
#include "pipeline/mailbox/sockets.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;

using std::chrono::milliseconds;

constexpr milliseconds turn{50};  // of the meter, and of beats until all are sent
constexpr int meter_share = 20;   // the meter takes a part in 20 of the time at most

}  // namespace

std::map<int, Clock::duration> parse_idle(std::string_view beat) {
  std::map<int, Clock::duration> idle;
  for (; beat.size() >= idle_bytes; beat.remove_prefix(idle_bytes)) {
    std::int32_t numbers[2];
    std::memcpy(numbers, beat.data(), idle_bytes);
    idle[numbers[0]] = milliseconds(numbers[1]);
  }
  return idle;
}

void Pulse::begin(zmq::context_t& context, const Mailbox::Options& options,
                  const std::vector<int>& links, std::chrono::milliseconds interval, Meter& meter) {
  header_ = {
      .kind = Tag::beat, .real_bytes = sizeof(nn::real), .run = options.run, .from = options.rank};
  for (int rank : links) {
    zmq::socket_t& socket =
        links_.emplace_back(Link{outgoing_socket(context, options, rank)}).socket;
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 2);  // old beats are useless
    socket.connect(options.addresses[rank]);
  }
  if (links_.empty()) return;
  thread_ = std::jthread([this, interval, &meter](const std::stop_token& stop) {
    Clock::time_point next_beat, next_check;
    for (std::unique_lock lock(mutex_); !stop.stop_requested();) {
      const Clock::time_point now = Clock::now();
      if (now >= next_beat) {
        for (Link& link : links_) link.is_due = true;
        next_beat = now + interval;
      }
      beat();
      if (now >= next_check) {
        const Clock::time_point start = Clock::now();
        meter.check();
        const Clock::time_point end = Clock::now();
        next_check = end + std::max<Clock::duration>(turn, meter_share * (end - start));
      }
      stopped_.wait_until(lock, stop, std::min(next_beat, Clock::now() + turn),
                          [] { return false; });
    }
  });
}

void Pulse::tell(const std::map<int, Clock::duration>& idle) {
  std::string text;
  for (const auto& [rank, duration] : idle)
    for (const std::int64_t number : {std::int64_t{rank}, duration / milliseconds(1)}) {
      const auto value = static_cast<std::int32_t>(number);
      text.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  if (text == told_) return;
  told_ = text;
  const std::lock_guard lock(mutex_);
  idle_ = std::move(text);
}

// Sends the beats that are due to the ranks that are connected and have room for one.
void Pulse::beat() {
  header_.sequence = looks_;
  header_.bytes = idle_.size();
  for (auto& [socket, is_due] : links_)
    if (is_due && socket.send(zmq::buffer(&header_, sizeof header_),
                              zmq::send_flags::dontwait | zmq::send_flags::sndmore)) {
      socket.send(zmq::buffer(idle_), zmq::send_flags::none);
      is_due = false;
    }
}

}  // namespace pipeline
