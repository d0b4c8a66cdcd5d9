#include "pipeline/mailbox/mailbox.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/sockets.h"
#include "pipeline/mailbox/state.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_term = 200, longest_reason = 4000;  // bytes

}  // namespace

std::string Message::text() const { return nn::printable_lines(characters()); }

namespace {

template <class Number>
Message copy_of(std::span<const Number> numbers) {
  const auto bytes = std::as_bytes(numbers);
  const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {*copy, copy};
}

}  // namespace

void require_same_terms(const std::string& other, const std::string& theirs,
                        const std::string& ours) {
  std::istringstream their_lines(theirs), our_lines(ours);
  std::string their_line, our_line;
  while (their_lines || our_lines) {
    their_line.clear(), our_line.clear();
    std::getline(their_lines, their_line), std::getline(our_lines, our_line);
    if (their_line != our_line)
      throw nn::InputError(
          nn::concat(other, " was started with ", nn::printable(their_line, longest_term),
                     ", this one with ", nn::printable(our_line, longest_term)),
          "start all ranks with the same options, except --rank");
  }
}

Network::Network() : join_(over_zeromq()) {}

Mailbox::Mailbox(Network& network, Options options)
    : state_(std::make_unique<State>(network, std::move(options))) {}

Mailbox::~Mailbox() = default;

int Mailbox::rank() const { return state_->options.rank; }
int Mailbox::ranks() const { return static_cast<int>(state_->options.addresses.size()); }
std::string Mailbox::name() const { return state_->name(state_->options.rank); }
const std::map<std::string, int>& Mailbox::strangers() const { return state_->strangers.counts; }

void Mailbox::expect(Rule rule) { state_->rule = std::move(rule); }
void Mailbox::begin_step(int step) { state_->begin_step(step); }

void Mailbox::meet(const std::string& terms, milliseconds patience) {
  for (const auto& [to, peer] : state_->peers) send_text(to, {Tag::hello}, terms);
  const auto missing = [this] {
    std::vector<std::string> names;
    for (const auto& [other, peer] : state_->peers)
      if (!peer.is_here() || !peer.waiting.empty())
        names.push_back(std::to_string(state_->number(other)));
    return names;
  };
  const milliseconds deadline = std::exchange(state_->options.deadline, patience);
  try {
    wait([&] { return missing().empty(); }, "meeting the other ranks");
  } catch (const PeerLost& lost) {
    const bool is_news = std::ranges::any_of(
        state_->peers, [](const auto& entry) { return !entry.second.failure.empty(); });
    if (is_news || missing().empty()) throw;
    const std::string names =
        nn::concat("; not connected", state_->options.keys ? " with valid keys" : "", ": rank ",
                   nn::join(missing()));
    throw PeerLost(lost.what() + names, lost.news + names);
  }
  state_->options.deadline = deadline;
  for (const auto& [other, peer] : state_->peers)
    require_same_terms(state_->name(other), try_receive(other, {Tag::hello})->text(), terms);
}

void Mailbox::send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease) {
  send_bytes(to, tag, std::as_bytes(numbers), lease);
}

void Mailbox::send_bytes(int to, Tag tag, std::span<const std::byte> bytes, Lease& lease) {
  if (bytes.size() < state_->transport->least_lent()) return state_->push(to, tag, copy_of(bytes));
  ++*lease.readers_;
  state_->push(to, tag,
               {bytes, {bytes.data(), [readers = lease.readers_](const void*) { --*readers; }}});
}

void Mailbox::send_copy(int to, Tag tag, std::span<const nn::real> numbers) {
  state_->push(to, tag, copy_of(numbers));
}

void Mailbox::send_text(int to, Tag tag, const std::string& text) {
  state_->push(to, tag, copy_of(std::span<const char>(text)));
}

void Mailbox::send_number(int to, Tag tag, double number) { send_numbers(to, tag, {&number, 1}); }

void Mailbox::send_numbers(int to, Tag tag, std::span<const double> numbers) {
  state_->push(to, tag, copy_of(numbers));
}

double Mailbox::receive_number(int from, Tag tag, const std::string& what) {
  return receive_numbers(from, tag, 1, what)[0];
}

std::vector<double> Mailbox::receive_numbers(int from, Tag tag, std::size_t count,
                                             const std::string& what) {
  const Message message = receive(from, tag, what);
  std::vector<double> numbers(count);
  nn::require(message.bytes.size() == count * sizeof(double), "rank ", state_->number(from),
              " did not send ", count, count == 1 ? " number" : " numbers");
  std::memcpy(numbers.data(), message.bytes.data(), message.bytes.size());
  return numbers;
}

std::uint64_t Mailbox::bytes_sent(int to) const { return state_->peers.at(to).sent_bytes; }

std::optional<Message> Mailbox::try_receive(int from, Tag tag) {
  auto& early = state_->early;
  const auto found = early.find({from, tag});
  return found == early.end() ? std::nullopt : state_->take(found);
}

void Mailbox::wait(const std::function<bool()>& is_done, const std::string& what) {
  const milliseconds deadline = state_->options.deadline;
  state_->move_messages();
  for (const auto start = state_->attended; !is_done();) {
    state_->throw_trouble(what);
    const auto waited = std::chrono::duration_cast<milliseconds>(state_->attended - start);
    if (waited >= deadline) {
      const std::string silence = nn::concat(state_->idle_since(waited), ", while ", what);
      throw PeerLost(silence, silence);
    }
    state_->transport->sleep(std::min(deadline - waited, milliseconds(200)));
    state_->move_messages();
  }
}

Message Mailbox::receive(int from, Tag tag, const std::string& what) {
  std::optional<Message> message;
  wait([&] { return (message = try_receive(from, tag)).has_value(); }, what);
  return *std::move(message);
}

void Mailbox::ignore_stop() { state_->options.stop = nullptr; }

void Mailbox::progress(const std::string& what) {
  state_->move_messages();
  state_->throw_trouble(what);
}

std::chrono::nanoseconds Mailbox::attended() const { return state_->attended; }

void Mailbox::part() {
  for (const auto& [to, peer] : state_->peers) send_text(to, {Tag::goodbye}, "");
  wait(
      [this] {
        return std::ranges::all_of(state_->peers,
                                   [](const auto& entry) { return entry.second.has_parted; }) &&
               !state_->has_outgoing();
      },
      "saying goodbye");
}

void Mailbox::announce_failure(const std::string& reason) noexcept {
  try {
    for (const auto& [to, peer] : state_->peers)
      send_text(to, {Tag::failure}, nn::printable(reason, longest_reason));
    Transport& transport = *state_->transport;
    const auto give_up = transport.now() + std::chrono::seconds(1);
    while (state_->has_outgoing() && transport.now() < give_up) {
      transport.sleep(milliseconds(20));
      state_->move_messages();
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): ranks without it see the
                   // connection break
  }
}

}  // namespace pipeline
