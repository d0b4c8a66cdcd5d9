#pragma once

#include <string>

namespace pipeline {

// A socket that listens to TCP before there is a mailbox, so that its port can be told to others.
struct OpenPort {
  int descriptor = -1;  // for Mailbox::Options::listener, which takes it over
  std::string address;  // tcp://10.0.0.1:41234 or tcp://[fd00::1]:41234
};

// Listens at a host of this machine: a name, or an IPv4 or IPv6 address; port 0: a free one. Throws
// nn::InputError if it cannot.
OpenPort listen_at(const std::string& host, int port = 0);

// The IPv4 address at which other machines reach this one: that of the default route, or of the
// first network interface; without a network, 127.0.0.1.
std::string host_of_this_machine();

}  // namespace pipeline
