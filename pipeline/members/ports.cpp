#include "pipeline/members/ports.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>

#include "pipeline/mailbox/listener.h"

namespace pipeline {

namespace {

constexpr std::string_view scheme = "tcp://";

// As listen_at() writes it: tcp://10.0.0.1:41234 or tcp://[fd00::1]:41234. Null for other text.
using Address = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;
Address socket_address_of(const std::string& port) {
  const std::size_t colon = port.rfind(':');
  addrinfo* found = nullptr;
  if (port.starts_with(scheme) && colon > scheme.size()) {
    std::string host = port.substr(scheme.size(), colon - scheme.size());
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, wanted.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(host.c_str(), port.c_str() + colon + 1, &wanted, &found) != 0)
      found = nullptr;
  }
  return {found, ::freeaddrinfo};
}

// A socket that is connecting, or -1 and the answer.
int begin_to_connect(const std::string& port, PortState& answer) {
  const Address address = socket_address_of(port);
  const int socket =
      address ? ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  answer = PortState::silent;
  if (socket < 0) return -1;
  if (::connect(socket, address->ai_addr, address->ai_addrlen) == 0)
    answer = PortState::open;
  else if (errno == EINPROGRESS)
    return socket;
  else if (errno == ECONNREFUSED)
    answer = PortState::closed;
  ::close(socket);
  return -1;
}

PortState state_of_port(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return PortState::silent;
  if (error == 0) return PortState::open;
  return error == ECONNREFUSED ? PortState::closed : PortState::silent;
}

class SystemPorts : public Ports {
 public:
  explicit SystemPorts(const std::string& host) : port_(listen_at(host)) {}

  std::string own() const override { return port_.address; }

  void clear() const override {
    for (int guest; (guest = ::accept4(port_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      ::close(guest);
  }

  std::vector<PortState> probe(const std::vector<std::string>& ports,
                               std::chrono::milliseconds patience) override {
    std::vector<PortState> answers(ports.size());
    std::vector<pollfd> sockets(ports.size());
    for (std::size_t i = 0; i < ports.size(); ++i)
      sockets[i] = {.fd = begin_to_connect(ports[i], answers[i]), .events = POLLOUT, .revents = 0};
    const auto give_up = std::chrono::steady_clock::now() + patience;
    const auto is_open = [](const pollfd& each) { return each.fd >= 0; };
    while (std::ranges::any_of(sockets, is_open)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          give_up - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      ::poll(sockets.data(), sockets.size(), static_cast<int>(left.count()));
      for (std::size_t i = 0; i < ports.size(); ++i)
        if (is_open(sockets[i]) && sockets[i].revents != 0) {
          answers[i] = state_of_port(sockets[i].fd);
          ::close(sockets[i].fd);
          sockets[i].fd = -1;
        }
    }
    for (const pollfd& each : sockets)
      if (is_open(each)) ::close(each.fd);
    return answers;
  }

 private:
  OpenPort port_;
};

}  // namespace

std::unique_ptr<Ports> ports_at(const std::string& host) {
  return std::make_unique<SystemPorts>(host);
}

}  // namespace pipeline
