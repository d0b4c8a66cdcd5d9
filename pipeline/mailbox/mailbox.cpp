#include "pipeline/mailbox/mailbox.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/sockets.h"

namespace pipeline {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int most_sockets = 1 << 14;  // of a process; rank 0 needs 4 for each other rank
constexpr std::size_t least_zero_copy = 64 << 10;                 // below it a copy is cheaper
constexpr std::size_t longest_term = 200, longest_reason = 4000;  // bytes

}  // namespace

std::string Message::text() const {
  return nn::printable_lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Network::Network() : context_(std::make_unique<Context>()) {
  context_->zmq.set(zmq::ctxopt::blocky, false);
  context_->zmq.set(zmq::ctxopt::max_sockets, most_sockets);
}
Network::~Network() = default;

namespace {

void require_same_terms(int other, const std::string& theirs, const std::string& ours) {
  std::istringstream their_lines(theirs), our_lines(ours);
  std::string their_line, our_line;
  while (their_lines || our_lines) {
    their_line.clear(), our_line.clear();
    std::getline(their_lines, their_line), std::getline(our_lines, our_line);
    if (their_line != our_line)
      throw nn::InputError(
          nn::concat("rank ", other, " was started with ", nn::printable(their_line, longest_term),
                     ", this one with ", nn::printable(our_line, longest_term)),
          "start all ranks with the same options, except --rank");
  }
}

}  // namespace

Mailbox::Mailbox(Network& network, Options options) {
  if (!options.keys) require_local(options.addresses);
  const SignalsWait undisturbed;
  sockets_ = std::make_unique<Sockets>(network, std::move(options));
}

Mailbox::~Mailbox() = default;

int Mailbox::rank() const { return sockets_->options.rank; }
int Mailbox::ranks() const { return static_cast<int>(sockets_->options.addresses.size()); }
const std::map<std::string, int>& Mailbox::strangers() const { return sockets_->strangers.counts; }

void Mailbox::expect(Rule rule) { sockets_->rule = std::move(rule); }
void Mailbox::begin_step(int step) { sockets_->begin_step(step); }

void Mailbox::meet(const std::string& terms, milliseconds patience) {
  for (const auto& [to, peer] : sockets_->peers) send_text(to, {Tag::hello}, terms);
  const auto missing = [this] {
    std::vector<std::string> names;
    for (const auto& [other, peer] : sockets_->peers)
      if (!peer.is_here()) names.push_back(std::to_string(other));
    return names;
  };
  const milliseconds deadline = std::exchange(sockets_->options.deadline, patience);
  try {
    wait([&] { return missing().empty() && !sockets_->has_outgoing(); }, "meeting the other ranks");
  } catch (const PeerLost& lost) {
    const bool is_news = std::ranges::any_of(
        sockets_->peers, [](const auto& entry) { return !entry.second.failure.empty(); });
    if (is_news || missing().empty()) throw;
    const std::string names =
        nn::concat("; not connected", sockets_->options.keys ? " with valid keys" : "", ": rank ",
                   nn::join(missing()));
    throw PeerLost(lost.what() + names, lost.news + names);
  }
  sockets_->options.deadline = deadline;
  for (const auto& [other, peer] : sockets_->peers)
    require_same_terms(other, try_receive(other, {Tag::hello})->text(), terms);
}

using Readers = std::shared_ptr<std::atomic<int>>;

void Mailbox::send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease) {
  send_bytes(to, tag, std::as_bytes(numbers), lease);
}

void Mailbox::send_bytes(int to, Tag tag, std::span<const std::byte> bytes, Lease& lease) {
  if (bytes.size() < least_zero_copy)
    return sockets_->push(to, tag, zmq::message_t(bytes.data(), bytes.size()));
  ++*lease.readers_;
  sockets_->read_by_messages.push_back(lease.readers_);
  sockets_->push(to, tag,
                 zmq::message_t(
                     const_cast<std::byte*>(bytes.data()), bytes.size(),
                     [](void*, void* readers) {
                       const std::unique_ptr<Readers> own(static_cast<Readers*>(readers));
                       --**own;
                     },
                     new Readers(lease.readers_)));
}

void Mailbox::send_copy(int to, Tag tag, std::span<const nn::real> numbers) {
  sockets_->push(to, tag, zmq::message_t(numbers.data(), numbers.size_bytes()));
}

void Mailbox::send_text(int to, Tag tag, const std::string& text) {
  sockets_->push(to, tag, zmq::message_t(text.data(), text.size()));
}

void Mailbox::send_number(int to, Tag tag, double number) { send_numbers(to, tag, {&number, 1}); }

void Mailbox::send_numbers(int to, Tag tag, std::span<const double> numbers) {
  sockets_->push(to, tag, zmq::message_t(numbers.data(), numbers.size_bytes()));
}

double Mailbox::receive_number(int from, Tag tag, const std::string& what) {
  return receive_numbers(from, tag, 1, what)[0];
}

std::vector<double> Mailbox::receive_numbers(int from, Tag tag, std::size_t count,
                                             const std::string& what) {
  const Message message = receive(from, tag, what);
  std::vector<double> numbers(count);
  nn::require(message.bytes.size() == count * sizeof(double), "rank ", from, " did not send ",
              count, count == 1 ? " number" : " numbers");
  std::memcpy(numbers.data(), message.bytes.data(), message.bytes.size());
  return numbers;
}

std::optional<Message> Mailbox::try_receive(int from, Tag tag) {
  auto& early = sockets_->early;
  const auto found = early.find({from, tag});
  return found == early.end() ? std::nullopt : sockets_->take(found);
}

void Mailbox::wait(const std::function<bool()>& is_done, const std::string& what) {
  const milliseconds deadline = sockets_->options.deadline;
  sockets_->move_messages();
  for (const auto start = sockets_->attended; !is_done();) {
    sockets_->throw_trouble(what);
    const auto waited = std::chrono::duration_cast<milliseconds>(sockets_->attended - start);
    if (waited >= deadline) {
      const std::string silence = nn::concat(sockets_->idle_since(waited), ", while ", what);
      throw PeerLost(silence, silence);
    }
    sockets_->sleep(std::min(deadline - waited, milliseconds(200)));
    sockets_->move_messages();
  }
}

Message Mailbox::receive(int from, Tag tag, const std::string& what) {
  std::optional<Message> message;
  wait([&] { return (message = try_receive(from, tag)).has_value(); }, what);
  return *std::move(message);
}

void Mailbox::ignore_stop() { sockets_->options.stop = nullptr; }

void Mailbox::progress(const std::string& what) {
  sockets_->move_messages();
  sockets_->throw_trouble(what);
}

void Mailbox::part() {
  for (const auto& [to, peer] : sockets_->peers) send_text(to, {Tag::goodbye}, "");
  wait(
      [this] {
        return std::ranges::all_of(sockets_->peers,
                                   [](const auto& entry) { return entry.second.has_parted; }) &&
               !sockets_->has_outgoing();
      },
      "saying goodbye");
}

void Mailbox::announce_failure(const std::string& reason) noexcept {
  try {
    for (const auto& [to, peer] : sockets_->peers)
      send_text(to, {Tag::failure}, nn::printable(reason, longest_reason));
    const auto give_up = Clock::now() + std::chrono::seconds(1);
    while (sockets_->has_outgoing() && Clock::now() < give_up) {
      sockets_->sleep(milliseconds(20));
      sockets_->move_messages();
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): ranks without it see the connection break
  }
}

}  // namespace pipeline
