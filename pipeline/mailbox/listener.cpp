#include "pipeline/mailbox/listener.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "nn/base/error.h"

namespace pipeline {

namespace {

constexpr int longest_backlog = 1024;

[[noreturn]] void refuse(const std::string& host, int port, const std::string& reason) {
  throw nn::InputError(nn::concat("cannot listen at ", host, ':', port, ": ", reason),
                       "name this machine's address with --host, or choose another port");
}

// IPv4 where the name has both. An IPv6 address may be in brackets.
sockaddr_storage address_of(const std::string& host, int port) {
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  const std::string name = has_brackets ? host.substr(1, host.size() - 2) : host;
  int error = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    addrinfo wanted{};
    wanted.ai_family = family, wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    error = ::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (error != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    sockaddr_storage address{};
    std::memcpy(&address, found->ai_addr, found->ai_addrlen);
    return address;
  }
  refuse(host, port, ::gai_strerror(error));
}

// As ZeroMQ writes it: tcp://10.0.0.1:41234 or tcp://[fd00::1]:41234.
std::string to_text(const sockaddr_storage& address, socklen_t size) {
  char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port,
                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  const bool is_6 = address.ss_family == AF_INET6;
  return nn::concat("tcp://", is_6 ? "[" : "", host, is_6 ? "]:" : ":", port);
}

std::string to_text(const in_addr& address) {
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

// To connect a datagram socket sends nothing, but chooses the interface. 192.0.2.1 is nobody's
// (RFC 5737).
std::string host_of_default_route() {
  sockaddr_in far{.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {}, .sin_zero = {}};
  ::inet_pton(AF_INET, "192.0.2.1", &far.sin_addr);
  const int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  const bool is_found = ::connect(probe, reinterpret_cast<sockaddr*>(&far), sizeof far) == 0 &&
                        ::getsockname(probe, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  if (probe >= 0) ::close(probe);
  return is_found ? to_text(own.sin_addr) : "";
}

std::string host_of_first_interface() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return "";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, ::freeifaddrs);
  for (const ifaddrs* each = all; each; each = each->ifa_next)
    if (each->ifa_addr && each->ifa_addr->sa_family == AF_INET && (each->ifa_flags & IFF_UP) &&
        !(each->ifa_flags & IFF_LOOPBACK))
      return to_text(reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr);
  return "";
}

}  // namespace

OpenPort::~OpenPort() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

OpenPort& OpenPort::operator=(OpenPort&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(address, other.address);
  return *this;
}

OpenPort listen_at(const std::string& host, int port) {
  sockaddr_storage address = address_of(host, port);
  socklen_t size = address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int descriptor = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  const bool listens = descriptor >= 0 &&
                       ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                       ::bind(descriptor, generic, size) == 0 &&
                       ::listen(descriptor, longest_backlog) == 0 &&
                       ::getsockname(descriptor, generic, &size) == 0;
  const int reason = errno;
  if (!listens) {
    if (descriptor >= 0) ::close(descriptor);
    refuse(host, port, std::strerror(reason));
  }
  return {descriptor, to_text(address, size)};
}

std::string host_of_this_machine() {
  std::string host = host_of_default_route();
  if (host.empty()) host = host_of_first_interface();
  return host.empty() ? "127.0.0.1" : host;
}

}  // namespace pipeline
