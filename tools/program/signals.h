#pragma once

#include <sys/types.h>

#include <atomic>

namespace tools {

// From now on Ctrl-C (SIGINT) and SIGTERM set the flag that is returned, for work to end where it
// is safe; a second signal of the same kind ends the program at once.
const std::atomic<bool>& stop_on_signals();

// Has SIGTERM sent to this process once its parent ends, however it does, or now if it has ended.
void stop_with_parent(pid_t parent);

}  // namespace tools
