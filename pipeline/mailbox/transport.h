#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"

// The interface between a mailbox, which has the rules of a run, and a network, which has none.
// Only these two include this.
namespace pipeline {

// What came from outside the run, counted by kind.
struct Strangers {
  std::function<void(const std::string& what)> on_stranger;
  std::map<std::string, int> counts = {};

  void add(const std::string& what);
};

// One rank's end of a network. It makes a connection to every linked rank, delivers the messages of
// each in order, and sends the rank's beat to all of them (see Beat). It is the mailbox's only
// clock. All but the beat happens in the mailbox's calls, which come from one thread.
class Transport {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Connection { open, broken, refused };  // open: or still being made

  struct Arrival {
    Message header, payload;    // the header is empty unless the message has exactly these parts
    std::optional<int> sender;  // the rank whose key the connection has
  };

  Transport() = default;
  virtual ~Transport() = default;  // what was sent may still arrive for half a second
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  virtual Clock::time_point now() = 0;

  // Notices which connections have broken, and strangers. Called at every look into the mailbox.
  virtual void attend() = 0;

  // Takes a message, whole or not at all; false: not now. Holds its payload while it reads it.
  virtual bool send(int to, const Header& header, const Message& payload) = 0;

  // The next message that has arrived, from any rank, aligned for numbers.
  virtual std::optional<Arrival> receive() = 0;

  virtual Connection connection(int to) const = 0;

  // The rank has all its connections: no others are to be admitted with its key.
  virtual void close_to(int rank) = 0;

  // Sleeps until a message has arrived, a rank has room again that send() found without, a
  // connection has changed, or a lent payload has been read, since the last call.
  virtual void sleep(std::chrono::milliseconds longest) = 0;

  // The size in bytes from which it is better to lend a payload than to copy it.
  virtual std::size_t least_lent() const = 0;
};

}  // namespace pipeline
