#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pipeline/mailbox/listener.h"

namespace pipeline {

// A port that other processes may connect to, to see whether messages pass both ways: the kernel
// answers them, and nothing is ever sent. It closes when the process ends.
class Door {
 public:
  explicit Door(const std::string& host) : port_(listen_at(host)) {}
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  const std::string& address() const { return port_.address; }
  void clear() const;  // forgets those that have knocked

 private:
  OpenPort port_;
};

// open: messages pass both ways. closed: the process has ended. silent: nothing came back in time.
enum class DoorState { open, closed, silent };

// Knocks at all doors at once.
std::vector<DoorState> knock_at(const std::vector<std::string>& doors,
                                std::chrono::milliseconds patience);

}  // namespace pipeline
