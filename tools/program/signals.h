#pragma once

#include <sys/types.h>

#include <atomic>

namespace tools {

// From now on Ctrl-C (SIGINT) and SIGTERM set the flag that is returned, for work to end where it
// is safe; a second signal of the same kind ends the program at once. The first one writes
// `notice`, which must outlive the program's work, to the standard error.
const std::atomic<bool>& stop_on_signals(const char* notice = "");

// The signal that has set the flag; 0 if none has.
int stop_signal();

// Has SIGTERM sent to this process once its parent ends, however it does, or now if it has ended.
void stop_with_parent(pid_t parent);

}  // namespace tools
