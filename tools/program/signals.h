#pragma once

#include <sys/types.h>

#include <atomic>

namespace tools {

// From now on Ctrl-C (SIGINT) and SIGTERM set the returned flag, so that work can end where it is
// safe; a second signal of the same kind ends the program at once. The first one writes `notice`,
// which must outlive the program's work, to standard error.
const std::atomic<bool>& stop_on_signals(const char* notice = "");

// The signal that set the flag; 0 if none did.
int stop_signal();

// Has SIGTERM sent to this process once its parent ends, however it does, or now if it has ended.
void stop_with_parent(pid_t parent);

}  // namespace tools
