#include "pipeline/mailbox/pulse.h"

#include <algorithm>
#include <stop_token>

#include "nn/real.h"
#include "pipeline/mailbox/sockets.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds turn{50};  // of the meter, and of beats until all are sent

}  // namespace

void Pulse::begin(zmq::context_t& context, const Mailbox::Options& options,
                  std::chrono::milliseconds interval, Meter& meter) {
  header_ = {
      .kind = Tag::beat, .real_bytes = sizeof(nn::real), .run = options.run, .from = options.rank};
  for (int rank = 0; rank < static_cast<int>(options.addresses.size()); ++rank) {
    if (rank == options.rank) continue;
    zmq::socket_t& socket = sockets_.emplace_back(outgoing_socket(context, options, rank));
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 2);  // old beats are useless
    socket.connect(options.addresses[rank]);
  }
  if (sockets_.empty()) return;
  thread_ = std::jthread([this, interval, &meter](const std::stop_token& stop) {
    Clock::time_point next;
    for (std::unique_lock lock(mutex_); !stop.stop_requested();) {
      if (Clock::now() >= next)
        next = Clock::now() + (beat() ? interval : std::min(interval, turn));
      meter.check();
      stopped_.wait_until(lock, stop, std::min(next, Clock::now() + turn), [] { return false; });
    }
  });
}

// Sends a beat to all ranks that are connected and have room for it. True if all were.
bool Pulse::beat() {
  header_.sequence = looks_;
  bool is_heard = true;
  for (zmq::socket_t& socket : sockets_)
    if (socket.send(zmq::buffer(&header_, sizeof header_),
                    zmq::send_flags::dontwait | zmq::send_flags::sndmore))
      socket.send(zmq::message_t(), zmq::send_flags::none);
    else
      is_heard = false;
  return is_heard;
}

}  // namespace pipeline
