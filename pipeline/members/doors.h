#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace pipeline {

// open: messages pass both ways. closed: the process has ended. silent: nothing came back in time.
enum class DoorState { open, closed, silent };

// By its door other processes find out whether messages to and from a process pass: the system
// answers those that knock, and nothing is ever sent. It closes when the process ends.
class Doors {
 public:
  Doors() = default;
  virtual ~Doors() = default;
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  virtual std::string own() const = 0;  // the address of this process's door
  virtual void clear() const = 0;       // forgets those that have knocked
  // Knocks at all of them at once.
  virtual std::vector<DoorState> knock(const std::vector<std::string>& doors,
                                       std::chrono::milliseconds patience) = 0;
};

// Doors are ports that the kernel answers; this process's is at a host of this machine.
std::unique_ptr<Doors> doors_at(const std::string& host);

}  // namespace pipeline
