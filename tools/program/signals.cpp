#include "tools/program/signals.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace tools {

namespace {

// The one global: a signal handler can reach nothing else.
std::atomic<bool> is_stop_requested = false;

extern "C" void request_stop(int signal) {
  is_stop_requested = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  return is_stop_requested;
}

void stop_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) std::raise(SIGTERM);
}

}  // namespace tools
