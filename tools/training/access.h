#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "pipeline/mailbox/mailbox.h"
#include "tools/training/rank.h"

namespace training {

// The number of the run from $TRIBUTARY_RUN, 0 without it. For launchers: all users of a machine
// can read command lines, but not the environment.
std::uint64_t run_of_environment();

// When a launcher started this process first, from $TRIBUTARY_FIRST_START, in milliseconds since
// 1970; it sets that once it starts the process again.
std::optional<StartTime> first_start_of_environment();

// Options give times in seconds.
std::chrono::milliseconds milliseconds_of(double seconds);

// For Mailbox::Options: handshakes take processor time, and when all ranks of a large run meet on
// few cores, each waits for the others.
std::chrono::milliseconds handshake_among(int ranks);

// This rank's mailbox: addresses, keys and timeouts; without the addresses if they are learned in a
// meeting. Throws nn::InputError for a rank out of range, and for unusable addresses or keys.
pipeline::Mailbox::Options mailbox_options(const RankOptions& options);

// Completes the mailbox's options. If there is a meeting, waits for the other ranks there and
// learns addresses, keys and the run's number; otherwise looks up the name in this rank's address.
void join_meeting(const RankOptions& options, pipeline::Mailbox::Options& mailbox);

// A meeting's folder has this name and that of its run.
constexpr const char* meeting_prefix = ".meeting-";

// Removes the folders of meetings there that no run holds and nobody has used for a day: some
// launchers give each run a name of its own, and what it leaves when it fails or is killed is not
// used again.
void remove_old_meetings(const std::filesystem::path& place);

// Connects the ranks, which must have the same terms: Mailbox::meet(). The meeting's folder goes,
// also if they do not come together.
void connect(const RankOptions& options, pipeline::Mailbox& mailbox, const std::string& terms,
             std::chrono::milliseconds patience);

// What this rank dropped, as a line for the end of the run; empty if there is nothing to report.
std::string summary_of(int rank, const std::map<std::string, int>& strangers);

}  // namespace training
