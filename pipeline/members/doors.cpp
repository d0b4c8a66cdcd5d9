#include "pipeline/members/doors.h"

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
Address address_behind(const std::string& door) {
  const std::size_t colon = door.rfind(':');
  addrinfo* found = nullptr;
  if (door.starts_with(scheme) && colon > scheme.size()) {
    std::string host = door.substr(scheme.size(), colon - scheme.size());
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, wanted.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(host.c_str(), door.c_str() + colon + 1, &wanted, &found) != 0)
      found = nullptr;
  }
  return {found, ::freeaddrinfo};
}

// A socket that is connecting, or -1 and the answer.
int begin_to_knock(const std::string& door, DoorState& answer) {
  const Address address = address_behind(door);
  const int socket =
      address ? ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  answer = DoorState::silent;
  if (socket < 0) return -1;
  if (::connect(socket, address->ai_addr, address->ai_addrlen) == 0)
    answer = DoorState::open;
  else if (errno == EINPROGRESS)
    return socket;
  else if (errno == ECONNREFUSED)
    answer = DoorState::closed;
  ::close(socket);
  return -1;
}

DoorState state_of_door(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return DoorState::silent;
  if (error == 0) return DoorState::open;
  return error == ECONNREFUSED ? DoorState::closed : DoorState::silent;
}

class Ports : public Doors {
 public:
  explicit Ports(const std::string& host) : port_(listen_at(host)) {}
  ~Ports() override { ::close(port_.descriptor); }

  std::string own() const override { return port_.address; }

  void clear() const override {
    for (int guest; (guest = ::accept4(port_.descriptor, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      ::close(guest);
  }

  std::vector<DoorState> knock(const std::vector<std::string>& doors,
                               std::chrono::milliseconds patience) override {
    std::vector<DoorState> answers(doors.size());
    std::vector<pollfd> sockets(doors.size());
    for (std::size_t i = 0; i < doors.size(); ++i)
      sockets[i] = {.fd = begin_to_knock(doors[i], answers[i]), .events = POLLOUT, .revents = 0};
    const auto give_up = std::chrono::steady_clock::now() + patience;
    const auto is_open = [](const pollfd& each) { return each.fd >= 0; };
    while (std::ranges::any_of(sockets, is_open)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          give_up - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      ::poll(sockets.data(), sockets.size(), static_cast<int>(left.count()));
      for (std::size_t i = 0; i < doors.size(); ++i)
        if (is_open(sockets[i]) && sockets[i].revents != 0) {
          answers[i] = state_of_door(sockets[i].fd);
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

std::unique_ptr<Doors> doors_at(const std::string& host) { return std::make_unique<Ports>(host); }

}  // namespace pipeline
