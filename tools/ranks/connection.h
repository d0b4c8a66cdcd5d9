#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fl/workers/executor.h"
#include "pipeline/mailbox/mailbox.h"
#include "tools/ranks/parcel.h"

namespace ranks {

// Between two looks into a mailbox that another thread may use, too.
constexpr std::chrono::milliseconds poll_interval{1};

// How the processes of a federation find each other: every rank but 0 has a connection of its own
// to rank 0, so that losing one is not losing the others.
struct MeetingPlace {
  std::filesystem::path folder;  // below it each pair has one
  int rank = 0, ranks = 1;
  std::chrono::milliseconds timeout{60'000};   // until the others are there
  std::chrono::milliseconds heartbeat{6'000};  // without a rank's pulse: it is lost
  // Without an answer from a rank that has work and a pulse: it is lost, too.
  std::chrono::milliseconds client_timeout{3'600'000};
  const std::atomic<bool>* stop = nullptr;
};

// Ranks that are connected with each other, in ascending order: rank 0 and another one, or the
// ranks of a pipeline. `name` is that of their meeting.
struct Group {
  std::string name;
  std::vector<int> ranks;
  std::vector<int> numbers;  // of each in their mailbox, which has room for all up to the last one
};

// A rank's end of the connections of a group. All of its ranks must have the same terms, one per
// line. Throws as Mailbox::meet() and pipeline::meet_in() do, which waits `patience` for the other
// processes to start.
class Channel {
 public:
  Channel(const MeetingPlace& place, const Group& group, const std::string& terms,
          std::chrono::milliseconds patience);
  pipeline::Mailbox& mailbox() { return *mailbox_; }

 private:
  // Its own, with a ZeroMQ context: ZeroMQ asks once per context whom to admit. A context that ends
  // closes libsodium's random source for all others (libzmq 4.3.4, issue 4242), but that is
  // getrandom(2) since Linux 3.17, which has nothing to close.
  pipeline::Network network_;
  std::optional<pipeline::Mailbox> mailbox_;
};

// The group of rank 0 and this one, which is 1 in their mailbox: lists of all ranks in each of
// rank 0's mailboxes would take memory that grows with the square of their number.
Group with_rank_0(int rank);

// Another rank, as rank 0 sees it. Several threads may use it.
class Connection {
 public:
  Connection(const MeetingPlace& place, int rank, const std::string& terms,
             std::chrono::milliseconds patience);

  int rank() const { return rank_; }
  int threads() const { return threads_; }  // that train there
  bool is_lost() const { return is_lost_; }

  // Has the client trained there, and waits for it. Throws pipeline::PeerLost if the rank is lost,
  // now or before. A rank that sends nothing for `client_timeout` is told that it is lost; what it
  // sends later is not read.
  Parcel<fl::Trained> train(const fl::Assignment& assignment);

  // Lets the rank end. Never throws: losing the rank now does no harm.
  void end() noexcept;

 private:
  // Returns the number of the assignment. Weights that are new to the rank go before it, with the
  // same number.
  int send(const fl::Assignment& assignment);

  // Throws PeerLost if nothing came since `start`, by the mailbox's time, for too long.
  void require_answers(std::chrono::nanoseconds start, const std::string& work);

  int rank_, threads_ = 0;
  std::chrono::milliseconds client_timeout_;
  Channel channel_;
  std::mutex mutex_;
  std::atomic<bool> is_lost_ = false;
  std::optional<int> version_;              // of the weights that it has; see fl::Assignment::round
  int assignments_ = 0;                     // sent so far
  std::chrono::nanoseconds last_answer_{};  // by the mailbox's time
};

}  // namespace ranks
