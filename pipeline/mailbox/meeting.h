#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/mailbox/keys.h"
#include "pipeline/mailbox/listener.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/shared_folder.h"

namespace pipeline {

// Where a rank listens, and its key; and the same of the ranks that it is linked with.
struct Meeting {
  std::uint64_t run = 0;  // the same number on all ranks, and on no others
  OpenPort listener;
  std::vector<std::string> addresses;  // of every rank; empty where there is no link
  Keys keys;                           // as are the public keys
};

// A rank that has waited for others in vain.
struct NotMet : PeerLost {
  NotMet(const std::filesystem::path& folder, int rank, std::chrono::milliseconds patience,
         std::vector<int> missing);
  std::vector<int> missing;
};

// The ranks of a run find each other and exchange keys through a folder that all of them see and no
// other user can enter. Rank 0 makes it if it is missing.
//
//   call      rank 0 writes a random number; it is the run's
//   rank-R    every rank answers: the number, its address, its public key
//   all       rank 0 writes the answers to its call, in the order of ranks
//
// Files of earlier runs do no harm: rank 0 ignores answers to other calls, a rank answers again
// when the call changes, and it believes only an `all` with its own new key. Secret keys stay in
// memory.
//
// Throws NotMet after `patience`, and Mailbox::Stopped when told to stop; rank 0 then removes the
// folder. Throws nn::InputError for a folder that other users could enter or change, or in which it
// cannot write.
Meeting meet_in(const std::filesystem::path& folder, int rank, int ranks,
                const std::vector<int>& links, const std::string& host,
                std::chrono::milliseconds patience, const std::atomic<bool>* stop);

// The ranks that have met then connect. When rank 0 has, or could not, this removes its folder;
// nothing if the path is empty.
class MeetingRemoval {
 public:
  explicit MeetingRemoval(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~MeetingRemoval();
  MeetingRemoval(const MeetingRemoval&) = delete;
  MeetingRemoval& operator=(const MeetingRemoval&) = delete;

 private:
  std::filesystem::path folder_;
};

struct Answer {
  std::uint64_t call = 0;
  std::string address, key;
  bool operator==(const Answer&) const = default;
};
// As a line of a file; parsing gives nothing for other lines, nor for one with call 0.
std::string to_text(const Answer& answer);
std::optional<Answer> parse_answer(const std::string& line);

// The heart of a meeting: every rank's answer. `own` has this rank's address and key.
std::vector<Answer> exchange_answers(SharedFolder& folder, int rank, int ranks, Answer own,
                                     std::chrono::milliseconds patience,
                                     const std::atomic<bool>* stop);

}  // namespace pipeline
