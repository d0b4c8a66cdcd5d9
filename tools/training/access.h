#pragma once

#include <map>
#include <string>

#include "pipeline/mailbox/mailbox.h"
#include "tools/training/rank.h"

namespace training {

// This rank's mailbox: addresses, keys and timeouts; without the addresses if they are learned in a
// meeting. Throws nn::InputError for a rank out of range, and for unusable addresses or keys.
pipeline::Mailbox::Options mailbox_options(const RankOptions& options);

// Waits for the other ranks in options.meeting, if there is one, and completes the mailbox's
// options with what it learns: addresses, keys, the run's number.
void join_meeting(const RankOptions& options, pipeline::Mailbox::Options& mailbox);

// Removes the meeting's folder, once no rank needs it.
void end_meeting(const RankOptions& options);

// What this rank dropped, as a line for the end of the run; empty if there is nothing to report.
std::string summary_of(int rank, const std::map<std::string, int>& strangers);

}  // namespace training
