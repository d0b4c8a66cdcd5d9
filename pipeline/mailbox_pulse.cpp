#include "pipeline/mailbox_pulse.h"

#include "pipeline/mailbox_sockets.h"

namespace pipeline {

namespace {

constexpr std::chrono::milliseconds until_connected{50};

}  // namespace

void Pulse::begin(zmq::context_t& context, const Mailbox::Options& options,
                  std::chrono::milliseconds interval) {
  header_ = {.kind = Tag::beat,
             .real_bytes = sizeof(nn::real),
             .run = options.run,
             .from = options.rank};
  for (int rank = 0; rank < static_cast<int>(options.addresses.size()); ++rank) {
    if (rank == options.rank) continue;
    zmq::socket_t& socket = sockets_.emplace_back(outgoing_socket(context, options, rank));
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 2);  // old beats are of no use
    socket.connect(options.addresses[rank]);
  }
  if (sockets_.empty()) return;
  thread_ = std::jthread([this, interval](const std::stop_token& stop) {
    for (std::unique_lock lock(mutex_); !stop.stop_requested();) {
      const bool is_heard = beat();
      stopped_.wait_for(lock, stop, is_heard ? interval : std::min(interval, until_connected),
                        [] { return false; });
    }
  });
}

// To those who are there and have room for it; whether those are all.
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
