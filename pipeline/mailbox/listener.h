#pragma once

#include <string>
#include <utility>

namespace pipeline {

// A socket that listens to TCP before there is a mailbox, so that its port can be told to others.
class OpenPort {
 public:
  OpenPort() = default;
  OpenPort(int descriptor, std::string address)
      : address(std::move(address)), descriptor_(descriptor) {}
  ~OpenPort();
  OpenPort(OpenPort&& other) noexcept { *this = std::move(other); }
  OpenPort& operator=(OpenPort&& other) noexcept;

  int descriptor() const { return descriptor_; }
  // For Mailbox::Options::listener, which takes it over.
  int release() { return std::exchange(descriptor_, -1); }

  std::string address;  // tcp://10.0.0.1:41234 or tcp://[fd00::1]:41234

 private:
  int descriptor_ = -1;
};

// Listens at a host of this machine: a name, or an IPv4 or IPv6 address; port 0: a free one. Throws
// nn::InputError if it cannot.
OpenPort listen_at(const std::string& host, int port = 0);

// The IPv4 address at which other machines reach this one: that of the default route, or of the
// first network interface; without a network, 127.0.0.1.
std::string host_of_this_machine();

}  // namespace pipeline
