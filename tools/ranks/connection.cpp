#include "tools/ranks/connection.h"

#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/listener.h"
#include "pipeline/mailbox/meeting.h"

namespace ranks {

using pipeline::Mailbox, pipeline::Message, pipeline::PeerLost, pipeline::Tag;

namespace {

constexpr std::chrono::milliseconds pause{1};

}  // namespace

Line::Line(const MeetingPlace& place, int other, const std::string& terms) {
  const bool is_first = place.rank == 0;
  const int own = is_first ? 0 : 1;  // a pair is a run of two ranks
  const std::vector<int> links{1 - own};
  const std::filesystem::path folder =
      place.folder.string() + nn::concat('-', is_first ? other : place.rank);
  pipeline::Meeting meeting = pipeline::meet_in(
      folder, own, 2, links, pipeline::host_of_this_machine(), place.timeout, place.stop);
  Mailbox::Options options;
  options.rank = own;
  options.addresses = std::move(meeting.addresses);
  options.links = links;
  options.run = meeting.run;
  options.listener = meeting.listener.descriptor;
  options.deadline = place.timeout;
  options.heartbeat = place.heartbeat;
  options.stop = place.stop;
  options.keys = std::move(meeting.keys);
  mailbox_.emplace(network_, std::move(options));
  try {
    mailbox_->meet(terms, place.timeout);
  } catch (const nn::InputError& error) {
    mailbox_->announce_failure(error.what());
    throw;
  }
  mailbox_->ignore_stop();
  std::error_code ignored;
  if (is_first) std::filesystem::remove_all(folder, ignored);
}

Connection::Connection(const MeetingPlace& place, int rank, const std::string& terms)
    : rank_(rank), line_(place, rank, terms) {
  threads_ = static_cast<int>(line_.mailbox().receive_number(
      1, {Tag::report}, nn::concat("waiting for rank ", rank, " to say how many threads it has")));
}

int Connection::send(const fl::Assignment& assignment) {
  Mailbox& mailbox = line_.mailbox();
  ++assignments_;
  if (version_ != assignment.round) {
    std::vector<nn::real> numbers(assignment.received.weights.begin(),
                                  assignment.received.weights.end());
    numbers.insert(numbers.end(), assignment.received.broadcast.begin(),
                   assignment.received.broadcast.end());
    mailbox.send_copy(1, {Tag::weights, 0, assignments_}, numbers);
    version_ = assignment.round;
  }
  mailbox.send_text(1, {Tag::assignment, 0, assignments_}, to_bytes(assignment));
  return assignments_;
}

Parcel<fl::Trained> Connection::train(const fl::Assignment& assignment) {
  const std::string what = nn::concat("waiting for client ", assignment.client);
  std::optional<int> number;
  for (;; std::this_thread::sleep_for(pause)) {
    const std::lock_guard lock(mutex_);
    if (is_lost_) throw PeerLost(nn::concat("rank ", rank_, " is lost"), "");
    try {
      if (!number) number = send(assignment);
      line_.mailbox().progress(what);
      if (const auto message = line_.mailbox().try_receive(1, {Tag::update, 0, *number}))
        return trained_of(message->bytes);
    } catch (const PeerLost&) {
      is_lost_ = true;
      throw;
    }
  }
}

void Connection::end() noexcept {
  if (is_lost_) return;
  try {
    line_.mailbox().send_number(1, {Tag::order}, 0);
    line_.mailbox().part();
  } catch (...) {
    is_lost_ = true;
  }
}

}  // namespace ranks
