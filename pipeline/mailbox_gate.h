#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

// The door of a rank: who knocks, and who may come in. Only mailbox*.cpp include this.
namespace pipeline {

// What came from outside the run, counted by what it was.
struct Strangers {
  std::function<void(const std::string& what)> on_stranger;
  std::map<std::string, int> counts = {};

  void add(const std::string& what);
};

// Counts who connects to a listening socket, and lets only those in whose key is one of the run's
// (ZAP, ZeroMQ RFC 27).
class Gate {
 public:
  // `arrivals` tells of connections as they are accepted.
  Gate(zmq::socket_t arrivals, int expected);

  // Before the socket listens; otherwise all who have a key come in.
  void admit_only(zmq::context_t& context, std::vector<std::string> public_keys);

  // Counts who came, and answers those who wait for admission.
  void attend(Strangers& strangers);
  void add_to(std::vector<zmq::pollitem_t>& items);

 private:
  std::string rank_of(const zmq::message_t& key) const;  // empty if it is nobody's

  zmq::socket_t arrivals_;
  int still_expected_;
  zmq::socket_t questions_;               // whether a key may come in
  std::vector<std::string> public_keys_;  // of every rank
};

// The rank that sent it, as its key says; empty if it had none.
std::string user_of(const zmq::message_t& message);

}  // namespace pipeline
