#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/mailbox/shared_folder.h"
#include "pipeline/members/epoch.h"
#include "pipeline/members/ports.h"

namespace pipeline {

// The processes of a run agree on who trains, through a folder that all of them see and no other
// user can enter. No process leads, so any may be lost at any moment.
//
//   seat-S-ID    what a process tells about itself (Presence). A thread of its own writes it again
//                several times per heartbeat, so a file that does not change is of a lost process
//   epoch-N      a decision. The first process to create the file decides: link(2) succeeds once
//   end          the run has ended, and how
//   deserted     one process is removing the folder of a run that has ended
//   terms-C      what the processes whose files have this checksum were started with
//
// It knows nothing of training: a state is a number of steps done.
class Members {
 public:
  struct Options {
    std::shared_ptr<SharedFolder> folder;
    std::shared_ptr<Ports> ports;
    int seat = 0;
    Shape shape = {};
    bool begins_anew = false;      // it does not continue a run whose processes were all killed
    std::string id = random_id();  // no other process has it
    std::chrono::milliseconds heartbeat{6'000}, patience{60'000};
    const std::atomic<bool>* stop = nullptr;
  };
  // Throws nn::InputError for a folder that other users could enter or change.
  explicit Members(Options options);
  static std::string random_id();
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  // What all members must have in common, one per line. Before agree().
  void set_terms(const std::string& terms);

  // What this process has to offer the next epoch; see Presence.
  struct State {
    int done;
    bool is_prepared;
    std::string result;
  };

  // Waits until the others agree on an epoch that has this process in it, and returns it; nothing
  // once the run has ended. If the epoch that they agree on leaves out this process and it has a
  // state, returns that epoch, or a later one: the state is void from then on.
  //
  // Throws PeerLost naming the seats that are missing if there is no whole pipeline for twice the
  // patience, and Mailbox::Stopped when told to stop; with a state only after two heartbeats, so
  // that all can stop after the same step. Time during which this process was suspended does not
  // count. Throws nn::InputError if it comes with other terms than the members, or cannot write in
  // the folder before the first epoch, and nn::Error if it cannot for twice the patience later.
  std::optional<Epoch> agree(const std::optional<State>& state);

  const std::string& id() const { return options_.id; }

  // For Mailbox::Options::stop: set soon after there is a later epoch than the one that agree()
  // returned. is_outdated() looks at once.
  const std::atomic<bool>& is_over() const { return is_over_; }
  bool is_outdated() const;

  // What to say if the folder is gone, as it is once a run has ended; empty otherwise.
  std::string missing_folder() const;

  // Whether a new epoch should have other members after `done` steps. Cheap: looks a few times per
  // heartbeat. Processes that a member could not reach when this epoch was agreed on count again
  // after four heartbeats, so that one who can send but not receive does not stop the others again
  // and again.
  bool has_newcomers(int done);

  // Whether there are others that take part in an epoch, or did, and can be reached.
  bool has_others_at_work();

  // Ends the run for all processes that wait; the first text counts.
  void end(const std::string& how);
  std::string how_it_ended() const;  // empty: it has not

 private:
  using Clock = SharedFolder::Clock;
  struct Seen {
    std::uint32_t checksum;  // of its file
    Clock::time_point changed;
    PortState answer = PortState::silent;
  };

  static constexpr const char* prefix = "seat-";
  Presence identity() const;  // who this process is, without what it tells at the moment
  static std::string file_of_epoch(int number);
  static std::string file_of_terms(const std::string& checksum);
  void require_terms_of_members(const std::vector<Presence>& alive) const;
  [[noreturn]] void cannot_write(const std::string& name, int error) const;
  void create(const std::string& name, const std::string& text) const;
  bool is_deserted(bool counts_killed);
  void write_presence();
  void tell(Presence presence);
  void beat();
  void read_epochs();
  std::map<std::string, std::string> texts_of_all() const;
  std::chrono::milliseconds longest_silence() const;
  std::vector<Presence> look();
  std::vector<PortState> answers_of(const std::vector<Presence>& others,
                                    std::chrono::milliseconds patience) const;
  void probe(const std::vector<Presence>& others);
  void leave_out_unreached(std::vector<Presence>& alive) const;
  void require_hope(const std::vector<Presence>& alive, Clock::duration waited) const;

  Options options_;
  SharedFolder& folder_;
  const std::string own_file_;          // in which it tells its presence
  std::chrono::milliseconds interval_;  // of beats
  Presence presence_;                   // of this process; changed by the caller's thread alone
  std::string terms_;
  Epoch last_;  // the newest
  std::map<std::string, Seen> seen_;
  Clock::time_point last_look_{}, next_look_{}, next_probe_{}, attended_since_{};

  mutable std::mutex mutex_;  // of what both threads use
  std::string told_;
  std::uint64_t beat_count_ = 0;
  std::atomic<int> write_error_ = 0;  // of the last attempt to tell something: an errno
  std::atomic<int> attended_ = 0;     // the epoch that agree() returned
  std::atomic<bool> is_over_ = false;
  std::shared_ptr<void> beats_;  // end before the members above do
};

}  // namespace pipeline
