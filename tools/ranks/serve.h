#pragma once

#include "fl/workers/executor.h"
#include "tools/ranks/connection.h"

namespace ranks {

// A rank's side of Connection: trains the clients that rank 0 sends, on all threads, until rank 0
// says that the run is over; returns how many. Throws what training throws, after it has told rank
// 0, and pipeline::PeerLost if rank 0 is lost.
int serve(fl::ThreadExecutor& threads, Channel& channel);

}  // namespace ranks
