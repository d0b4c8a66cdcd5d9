#include "pipeline/mailbox/gate.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>
#include <zmq_addon.hpp>

namespace pipeline {

Gate::Gate(zmq::socket_t events, int expected) : events_(std::move(events)), expected_(expected) {}

void Gate::admit_only(zmq::context_t& context, const std::vector<int>& ranks,
                      const std::vector<std::string>& public_keys) {
  for (int rank : ranks) keys_.push_back({.rank = rank, .text = public_keys.at(rank)});
  questions_ = zmq::socket_t(context, zmq::socket_type::rep);
  questions_.set(zmq::sockopt::linger, 0);
  questions_.bind("inproc://zeromq.zap.01");
}

void Gate::attend(Strangers& strangers) {
  take_events(strangers);
  if (!questions_) return;
  // version, request, domain, address, identity, mechanism, key
  for (std::vector<zmq::message_t> question;
       zmq::recv_multipart(questions_, std::back_inserter(question), zmq::recv_flags::dontwait);
       question.clear()) {
    take_events(strangers);  // those of the asking connection came before its question
    const std::string user = question.size() == 7 ? admit(question[6], strangers) : "";
    // version, request, status, status text, user id, metadata
    zmq::send_multipart(questions_,
                        std::array<zmq::const_buffer, 6>{
                            zmq::str_buffer("1.0"), zmq::buffer(question.at(1).to_string_view()),
                            user.empty() ? zmq::str_buffer("400") : zmq::str_buffer("200"),
                            zmq::str_buffer(""), zmq::buffer(user), zmq::str_buffer("")});
  }
}

void Gate::take_events(Strangers& strangers) {
  for (zmq::message_t event, address; events_.recv(event, zmq::recv_flags::dontwait);) {
    (void)events_.recv(address);
    take(event, strangers);
    shut_or_open();
  }
}

// An event is 16 bits of kind and 32 of value, here a descriptor (zmq_socket_monitor(3)).
void Gate::take(const zmq::message_t& event, Strangers& strangers) {
  std::uint16_t kind = 0;
  std::memcpy(&kind, event.data(), sizeof kind);
  if (kind == ZMQ_EVENT_LISTENING)
    std::memcpy(&listener_, event.data<char>() + sizeof kind, sizeof listener_);
  if (kind == ZMQ_EVENT_DISCONNECTED) --connected_, forget_disconnected();
  if (kind != ZMQ_EVENT_ACCEPTED) return;
  ++connected_;
  if (++accepted_ > expected_) strangers.add("connections of strangers");
}

// ZeroMQ does not say which key a closed connection had. But a key has no more open connections
// than there are besides those of the ranks that are here.
int Gate::most_open(const Key& key) const {
  const auto others = std::ranges::count_if(
      keys_, [&](const Key& other) { return other.is_closed && &other != &key; });
  return std::max(0, connected_ - connections_of_a_rank * static_cast<int>(others));
}

void Gate::forget_disconnected() {
  for (Key& key : keys_) key.admitted = std::min(key.admitted, most_open(key));
}

// ZeroMQ cannot stop listening without closing the connections it has. A filter that passes no
// packet can, and leaves them alone.
void Gate::shut_or_open() {
  if (is_shut_ == (connected_ >= expected_ + most_strangers)) return;
  is_shut_ = !is_shut_;
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog filter{1, &nothing};
  ::setsockopt(listener_, SOL_SOCKET, is_shut_ ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &filter,
               sizeof filter);
}

std::string Gate::admit(const zmq::message_t& key, Strangers& strangers) {
  std::array<char, 41> text{};
  if (key.size() == 32)
    zmq_z85_encode(text.data(), static_cast<const std::uint8_t*>(key.data()), key.size());
  const auto found = std::ranges::find(keys_, text.data(), &Key::text);
  if (found == keys_.end()) return strangers.add("unknown keys"), "";
  const std::string rank = std::to_string(found->rank);
  // The asking connection is not admitted yet, or has closed and does not count.
  found->admitted = std::min(found->admitted, std::max(0, most_open(*found) - 1));
  if (found->is_closed || found->admitted >= most_of_a_key)
    return strangers.add("further connections with the key of rank " + rank), "";
  ++found->admitted;
  return rank;
}

void Gate::close_to(int rank) {
  const auto found = std::ranges::find(keys_, rank, &Key::rank);
  if (found == keys_.end() || std::exchange(found->is_closed, true)) return;
  forget_disconnected();
}

void Gate::add_to(std::vector<zmq::pollitem_t>& items) {
  items.push_back({events_.handle(), 0, ZMQ_POLLIN, 0});
  if (questions_) items.push_back({questions_.handle(), 0, ZMQ_POLLIN, 0});
}

std::optional<int> user_of(const zmq::message_t& message) {
  const char* const user = zmq_msg_gets(message.handle(), "User-Id");
  return user && *user ? std::optional(std::stoi(user)) : std::nullopt;
}

}  // namespace pipeline
