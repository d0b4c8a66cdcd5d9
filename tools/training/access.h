#pragma once

#include "pipeline/mailbox/mailbox.h"
#include "tools/training/rank.h"

namespace training {

// How this rank is reached, and by whom. Throws nn::InputError for a rank that there is not, and
// for addresses and keys that will not do.
pipeline::Mailbox::Options mailbox_options(const RankOptions& options);

// A line for the end of the run; empty if there were none.
std::string summary_of(int rank, const std::map<std::string, int>& strangers);

}  // namespace training
