#pragma once

#include <sys/types.h>

#include <atomic>

namespace tools {

// From now on Ctrl-C (SIGINT) and SIGTERM set the returned flag, so that work can end at a safe
// point; a second signal of the same kind ends the program at once. The first signal writes
// `notice`, which must stay valid, to standard error.
const std::atomic<bool>& stop_on_signals(const char* notice = "");

// The signal that set the flag; 0 if none did.
int stop_signal();

// Sends this process SIGTERM when its parent ends for whatever reason, or now if it already has.
void stop_with_parent(pid_t parent);

}  // namespace tools
