#pragma once

namespace pipeline {

// Processor seconds so far of this process's threads that carry messages, which are ZeroMQ's; 0 if
// the kernel does not tell.
double carrying_seconds();

}  // namespace pipeline
