#pragma once

#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/transport.h"

// Connection admission: who connects, and who may stay. Only the sockets include this.
namespace pipeline {

constexpr int connections_of_a_rank = 2;  // one for messages, one for its pulse

// Connection admission: counts the connections to a listening socket, and admits only keys of the
// run (ZAP, ZeroMQ RFC 27). While too many strangers are connected, no connection is accepted: the
// kernel leaves new ones over TCP unanswered.
class Gate {
 public:
  static constexpr int most_strangers = 256;  // at a time
  static constexpr int most_of_a_key = 4;     // connections at a time; a rank makes 2
  static constexpr int watched = ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED;

  // `events` reports the watched events of the listening socket, to which `expected` connections
  // come from the run's own ranks.
  Gate(zmq::socket_t events, int expected);

  // Call it before the socket listens; otherwise any key is admitted.
  void admit_only(zmq::context_t& context, const std::vector<int>& ranks,
                  const std::vector<std::string>& public_keys);

  // The rank is connected: no further connection with its key is admitted.
  void close_to(int rank);

  // Counts new connections, and answers those waiting for admission.
  void attend(Strangers& strangers);
  void add_to(std::vector<zmq::pollitem_t>& items);

 private:
  struct Key {
    int rank = 0;
    std::string text;        // public
    int admitted = 0;        // connections that may still be open
    bool is_closed = false;  // to further ones
  };

  // The rank with this key; empty if the connection is refused, which is counted.
  std::string admit(const zmq::message_t& key, Strangers& strangers);
  void take_events(Strangers& strangers);
  void take(const zmq::message_t& event, Strangers& strangers);
  int most_open(const Key& key) const;  // an upper bound on its open connections
  void forget_disconnected();           // lowers `admitted` to these bounds
  void shut_or_open();

  zmq::socket_t events_;
  int expected_, accepted_ = 0, connected_ = 0;
  int listener_ = -1;  // descriptor of the listening socket
  bool is_shut_ = false;
  zmq::socket_t questions_;  // whether to admit a key
  std::vector<Key> keys_;    // of every linked rank
};

// The rank that sent it, according to its key; empty if it had none.
std::optional<int> user_of(const zmq::message_t& message);

}  // namespace pipeline
