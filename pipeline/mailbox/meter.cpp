#include "pipeline/mailbox/meter.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace pipeline {

namespace {

// The local port, in network byte order; 0 if the descriptor is not a TCP socket.
std::uint16_t port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return reinterpret_cast<const sockaddr_in&>(address).sin_port;
  if (address.ss_family == AF_INET6)
    return reinterpret_cast<const sockaddr_in6&>(address).sin6_port;
  return 0;
}

// Bytes that ZeroMQ has read from a connection; fewer if more arrive meanwhile. Empty if it is not
// an open connection.
std::optional<std::uint64_t> bytes_read(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      ::ioctl(descriptor, SIOCINQ, &unread) != 0)
    return {};
  const auto waiting = static_cast<std::uint64_t>(unread);
  return info.tcpi_bytes_received - std::min<std::uint64_t>(info.tcpi_bytes_received, waiting);
}

// A descriptor is used again for another connection, a socket's number is not.
std::uint64_t socket_of(int descriptor) {
  struct stat status {};
  ::fstat(descriptor, &status);
  return status.st_ino;
}

// ZeroMQ notices and closes the connection. Whatever the peer sends later is refused.
bool cut_off(int descriptor) {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  return ::shutdown(descriptor, SHUT_RDWR) == 0;
}

}  // namespace

void Meter::begin(const zmq::socket_t& listening, std::uint64_t most) {
  most_ = most;
  const std::string address = listening.get(zmq::sockopt::last_endpoint);  // tcp://127.0.0.1:9000
  std::uint16_t port = 0;
  if (address.starts_with("tcp://"))
    std::from_chars(address.data() + address.rfind(':') + 1, address.data() + address.size(), port);
  port_ = htons(port);
}

void Meter::note(const zmq::message_t& received) {
  if (port_ == 0) return;
  const std::lock_guard lock(mutex_);
  delivered_.insert(zmq_msg_get(received.handle(), ZMQ_SRCFD));
}

// The kernel counts the bytes of a connection. Descriptors are read from /proc because ZeroMQ
// reports new ones only to the thread that waits for messages, which may be busy.
void Meter::check() {
  if (port_ == 0) return;
  const std::lock_guard lock(mutex_);
  const std::map<int, Connection> before = std::exchange(connections_, {});
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    const int descriptor = std::stoi(entry.path().filename());
    if (port_of(descriptor) != port_) continue;
    const std::optional<std::uint64_t> received = bytes_read(descriptor);
    if (!received) continue;
    Connection connection{.socket = socket_of(descriptor)};
    if (const auto known = before.find(descriptor);
        known != before.end() && known->second.socket == connection.socket)
      connection = known->second;
    connection.received = std::max(connection.received, *received);
    if (delivered_.contains(descriptor)) connection.at_last_message = connection.received;
    if (connection.received - connection.at_last_message > most_ && cut_off(descriptor))
      ++cut_;
    else
      connections_[descriptor] = connection;
  }
  delivered_.clear();
}

int Meter::take_cut() {
  const std::lock_guard lock(mutex_);
  return std::exchange(cut_, 0);
}

}  // namespace pipeline
