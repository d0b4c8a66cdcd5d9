#include "pipeline/mailbox/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "nn/base/error.h"

namespace pipeline {

Bell::Bell() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  nn::require(descriptor_ >= 0, "eventfd: ", std::strerror(errno));
}

Bell::~Bell() { ::close(descriptor_); }

void Bell::ring() noexcept { ::eventfd_write(descriptor_, 1); }

void Bell::silence() noexcept {
  eventfd_t rings;
  ::eventfd_read(descriptor_, &rings);
}

}  // namespace pipeline
