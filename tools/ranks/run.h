#pragma once

#include "tools/federated/command_line.h"
#include "tools/federated/experiment.h"
#include "tools/federated/runner.h"
#include "tools/ranks/launch.h"

// A federated run whose clients are shared out over processes.
namespace ranks {

// Rank 0's: meets the other ranks when the run begins. Null if there are none. A stage of a client
// has so many threads.
federated::Runner::MakeExecutor make_executor(const Place& place, int threads);

// Another rank's whole run: trains clients until rank 0 has played its rounds. For one that was
// started again after that there is nothing to do.
void serve_run(const federated::Experiment& asked, const federated::Resources& resources,
               const Place& place);

}  // namespace ranks
