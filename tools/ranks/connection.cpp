#include "tools/ranks/connection.h"

#include <algorithm>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/listener.h"
#include "pipeline/mailbox/meeting.h"
#include "tools/training/access.h"

namespace ranks {

using pipeline::Mailbox, pipeline::Message, pipeline::PeerLost, pipeline::Tag;

// In bytes: that of a large model, with what SCAFFOLD keeps.
constexpr std::size_t largest_update = std::size_t{1} << 36;

Channel::Channel(const MeetingPlace& place, const Group& group, const std::string& terms,
                 std::chrono::milliseconds patience) {
  // They meet as a run of their own, in which each has a seat.
  const auto& [name, ranks, numbers] = group;
  const int own = static_cast<int>(std::ranges::find(ranks, place.rank) - ranks.begin());
  std::vector<int> others, other_seats;
  for (int seat = 0; seat < std::ssize(ranks); ++seat) {
    if (seat == own) continue;
    others.push_back(numbers[seat]);
    other_seats.push_back(seat);
  }
  const std::filesystem::path folder = place.folder.string() + '-' + name;
  pipeline::Meeting meeting;
  try {
    meeting = pipeline::meet_in(folder, own, static_cast<int>(ranks.size()), other_seats,
                                pipeline::host_of_this_machine(), patience, place.stop);
  } catch (const pipeline::NotMet& seats) {
    std::vector<int> missing;
    for (const int seat : seats.missing) missing.push_back(ranks[seat]);
    throw pipeline::NotMet(folder, place.rank, patience, std::move(missing));
  }
  const std::size_t known = numbers.back() + 1;
  Mailbox::Options options;
  options.rank = numbers[own];
  if (numbers != ranks) options.numbers = ranks;
  options.links = others;
  options.addresses.resize(known);
  options.keys = pipeline::Keys{meeting.keys.secret, std::vector<std::string>(known)};
  for (int seat = 0; seat < std::ssize(ranks); ++seat) {
    options.addresses[numbers[seat]] = meeting.addresses[seat];
    options.keys->public_keys[numbers[seat]] = meeting.keys.public_keys[seat];
  }
  options.run = meeting.run;
  options.listener = meeting.listener.release();
  options.deadline = place.client_timeout;
  options.heartbeat = place.heartbeat;
  options.stop = place.stop;
  options.handshake = training::handshake_among(place.ranks);
  options.largest_message = largest_update;
  mailbox_.emplace(network_, std::move(options));
  const pipeline::MeetingRemoval removal(own == 0 ? folder : "");
  try {
    mailbox_->meet(terms, place.timeout);
  } catch (const nn::InputError& error) {
    mailbox_->announce_failure(error.what());
    throw;
  }
  mailbox_->ignore_stop();
}

constexpr int other_seat = 1;  // in the mailbox of rank 0 and another rank

Group with_rank_0(int rank) { return {std::to_string(rank), {0, rank}, {0, other_seat}}; }

Connection::Connection(const MeetingPlace& place, int rank, const std::string& terms,
                       std::chrono::milliseconds patience)
    : rank_(rank),
      client_timeout_(place.client_timeout),
      channel_(place, with_rank_0(rank), terms, patience) {
  threads_ = static_cast<int>(channel_.mailbox().receive_number(
      other_seat, {Tag::report},
      nn::concat("waiting for rank ", rank, " to say how many threads it has")));
}

int Connection::send(const fl::Assignment& assignment) {
  Mailbox& mailbox = channel_.mailbox();
  ++assignments_;
  if (version_ != assignment.round) {
    std::vector<nn::real> numbers(assignment.received.weights.begin(),
                                  assignment.received.weights.end());
    numbers.insert(numbers.end(), assignment.received.broadcast.begin(),
                   assignment.received.broadcast.end());
    mailbox.send_copy(other_seat, {Tag::weights, 0, assignments_}, numbers);
    version_ = assignment.round;
  }
  mailbox.send_text(other_seat, {Tag::assignment, 0, assignments_}, to_bytes(assignment));
  return assignments_;
}

// Any answer will do: where ranks were lost, clients wait for a thread of those that are left.
void Connection::require_answers(std::chrono::nanoseconds start, const std::string& work) {
  Mailbox& mailbox = channel_.mailbox();
  if (mailbox.attended() - std::max(start, last_answer_) < client_timeout_) return;
  const std::string reason =
      nn::concat("rank ", rank_, " has not done ", work, " in ",
                 std::chrono::duration<double>(client_timeout_).count(), " s (--client-timeout)");
  mailbox.announce_failure(reason);
  throw PeerLost(reason, reason);
}

Parcel<fl::Trained> Connection::train(const fl::Assignment& assignment) {
  Mailbox& mailbox = channel_.mailbox();
  const std::string work =
      assignment.test ? "a part of a test" : nn::concat("client ", assignment.client);
  std::optional<int> number;
  std::chrono::nanoseconds start{};
  for (;; std::this_thread::sleep_for(poll_interval)) {
    const std::lock_guard lock(mutex_);
    if (is_lost_) throw PeerLost(nn::concat("rank ", rank_, " is lost"), "");
    try {
      mailbox.progress("waiting for " + work);
      if (!number) number = send(assignment), start = mailbox.attended();
      if (const auto message = mailbox.try_receive(other_seat, {Tag::update, 0, *number})) {
        last_answer_ = mailbox.attended();
        return trained_of(message->bytes);
      }
      require_answers(start, work);
    } catch (const PeerLost&) {
      is_lost_ = true;
      throw;
    }
  }
}

void Connection::end() noexcept {
  if (is_lost_) return;
  try {
    channel_.mailbox().send_number(other_seat, {Tag::order}, 0);
    channel_.mailbox().part();
  } catch (...) {
    is_lost_ = true;
  }
}

}  // namespace ranks
