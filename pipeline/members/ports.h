#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace pipeline {

// What a process finds when it connects to another's port. open: messages pass both ways. closed:
// the process has ended. silent: nothing came back in time.
enum class PortState { open, closed, silent };

// The ports by which processes find out whether messages pass between them. The kernel answers
// those that connect, and nothing is ever sent. A port closes when its process ends.
class Ports {
 public:
  Ports() = default;
  virtual ~Ports() = default;
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  virtual std::string own() const = 0;  // the address of this process's port
  virtual void clear() const = 0;       // closes the connections of those that have tried it
  // Tries to connect to all of them at once.
  virtual std::vector<PortState> probe(const std::vector<std::string>& ports,
                                       std::chrono::milliseconds patience) = 0;
};

// This process's port is at a host of this machine.
std::unique_ptr<Ports> ports_at(const std::string& host);

}  // namespace pipeline
