#include "tools/program/signals.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace tools {

namespace {

// Globals, because a signal handler can reach nothing else.
std::atomic<bool> is_stop_requested = false;
std::atomic<int> first_signal = 0;
std::atomic<const char*> stop_notice = "";

extern "C" void request_stop(int signal) {
  if (!is_stop_requested.exchange(true)) {
    first_signal = signal;
    const char* notice = stop_notice;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, notice, std::strlen(notice));
  }
  std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& stop_on_signals(const char* notice) {
  stop_notice = notice;
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  return is_stop_requested;
}

int stop_signal() { return first_signal; }

void stop_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) std::raise(SIGTERM);
}

}  // namespace tools
