#include "pipeline/mailbox/gate.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>
#include <zmq_addon.hpp>

#include "nn/base/error.h"

namespace pipeline {

void Strangers::add(const std::string& what) {
  const int count = ++counts[what];
  if (std::has_single_bit(static_cast<unsigned>(count)))
    on_stranger(nn::concat(what, ", ", count, " so far"));
}

Gate::Gate(zmq::socket_t events, int expected) : events_(std::move(events)), expected_(expected) {}

void Gate::admit_only(zmq::context_t& context, std::vector<std::string> public_keys) {
  public_keys_ = std::move(public_keys);
  admitted_.resize(public_keys_.size());
  questions_ = zmq::socket_t(context, zmq::socket_type::rep);
  questions_.set(zmq::sockopt::linger, 0);
  questions_.bind("inproc://zeromq.zap.01");
}

void Gate::attend(Strangers& strangers) {
  for (zmq::message_t event, address; events_.recv(event, zmq::recv_flags::dontwait);) {
    (void)events_.recv(address);
    take(event, strangers);
    shut_or_open();
  }
  if (!questions_) return;
  // version, request, domain, address, identity, mechanism, key
  for (std::vector<zmq::message_t> question;
       zmq::recv_multipart(questions_, std::back_inserter(question), zmq::recv_flags::dontwait);
       question.clear()) {
    const std::string user = question.size() == 7 ? admit(question[6], strangers) : "";
    // version, request, status, its meaning, user, no more about him
    zmq::send_multipart(questions_,
                        std::array<zmq::const_buffer, 6>{
                            zmq::str_buffer("1.0"), zmq::buffer(question.at(1).to_string_view()),
                            user.empty() ? zmq::str_buffer("400") : zmq::str_buffer("200"),
                            zmq::str_buffer(""), zmq::buffer(user), zmq::str_buffer("")});
  }
}

// Of 16 bits of kind and 32 of value, here a descriptor (zmq_socket_monitor(3)).
void Gate::take(const zmq::message_t& event, Strangers& strangers) {
  std::uint16_t kind = 0;
  std::memcpy(&kind, event.data(), sizeof kind);
  if (kind == ZMQ_EVENT_LISTENING)
    std::memcpy(&listener_, event.data<char>() + sizeof kind, sizeof listener_);
  if (kind == ZMQ_EVENT_DISCONNECTED) --connected_;
  if (kind != ZMQ_EVENT_ACCEPTED) return;
  ++connected_;
  if (++accepted_ > expected_) strangers.add("connections of strangers");
}

// ZeroMQ cannot stop listening without parting from those who are connected. A filter that passes
// no packet can, and leaves them alone.
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
  const auto found = std::ranges::find(public_keys_, text.data());
  const std::string rank = std::to_string(found - public_keys_.begin());
  if (found == public_keys_.end())
    strangers.add("unknown keys");
  else if (admitted_[found - public_keys_.begin()] >= most_of_a_key)
    strangers.add("further connections with the key of rank " + rank);
  else
    return ++admitted_[found - public_keys_.begin()], rank;
  return "";
}

void Gate::close_to(int rank) {
  if (!admitted_.empty()) admitted_[rank] = most_of_a_key;
}

void Gate::add_to(std::vector<zmq::pollitem_t>& items) {
  items.push_back({events_.handle(), 0, ZMQ_POLLIN, 0});
  if (questions_) items.push_back({questions_.handle(), 0, ZMQ_POLLIN, 0});
}

std::string user_of(const zmq::message_t& message) {
  const char* user = zmq_msg_gets(message.handle(), "User-Id");
  return user ? user : "";
}

}  // namespace pipeline
