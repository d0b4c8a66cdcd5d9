#include "pipeline/mailbox/pulse.h"

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "pipeline/mailbox/sockets.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds turn{50};  // of the meter, and of beats until all are sent
constexpr int meter_share = 20;                // the meter takes a part in 20 of the time at most

}  // namespace

void Pulse::begin(zmq::context_t& context, const Mailbox::Options& options, const Beat& beat,
                  Meter& meter) {
  for (int rank : *options.links) {
    zmq::socket_t& socket =
        links_.emplace_back(Link{outgoing_socket(context, options, rank)}).socket;
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 2);  // old beats are useless
    socket.connect(options.addresses[rank]);
  }
  if (links_.empty()) return;
  thread_ = std::jthread([this, &beat, &meter](const std::stop_token& stop) {
    Clock::time_point next_beat, next_check;
    for (std::unique_lock lock(mutex_); !stop.stop_requested();) {
      const Clock::time_point now = Clock::now();
      if (now >= next_beat) {
        for (Link& link : links_) link.is_due = true;
        next_beat = now + beat.interval();
      }
      send(beat);
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

// Sends the beats that are due to the ranks that are connected and have room for one.
void Pulse::send(const Beat& beat) {
  const auto [header, idle] = beat.content();
  for (auto& [socket, is_due] : links_)
    if (is_due && socket.send(zmq::buffer(&header, sizeof header),
                              zmq::send_flags::dontwait | zmq::send_flags::sndmore)) {
      socket.send(zmq::buffer(idle), zmq::send_flags::none);
      is_due = false;
    }
}

}  // namespace pipeline
