#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <zmq.hpp>

// Only the sockets and their pulse include this.
namespace pipeline {

// Closes TCP connections that have delivered many bytes but no complete message. ZeroMQ keeps the
// parts of a message in memory until the last one arrives, and limits the size of a part but not
// their number. Safe to use from several threads.
class Meter {
 public:
  // Watches the connections of a listening socket. `most`: bytes that one may deliver between two
  // complete messages; must cover those that ZeroMQ queues.
  void begin(const zmq::socket_t& listening, std::uint64_t most);

  void note(const zmq::message_t& received);  // a complete message
  void check();
  int take_cut();  // the number of connections closed since the last call

 private:
  struct Connection {
    std::uint64_t socket = 0;                         // the kernel's number of it
    std::uint64_t received = 0, at_last_message = 0;  // bytes
  };

  std::uint16_t port_ = 0;  // in network byte order; 0 if the socket does not listen to TCP
  std::uint64_t most_ = 0;
  std::mutex mutex_;
  std::map<int, Connection> connections_;  // by descriptor
  std::set<int> delivered_;                // descriptors, since the last check
  int cut_ = 0;
};

}  // namespace pipeline
