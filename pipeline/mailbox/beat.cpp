#include "pipeline/mailbox/beat.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "nn/real.h"

namespace pipeline {

using std::chrono::milliseconds;

IdleTimes parse_idle(std::string_view beat) {
  IdleTimes idle;
  for (; beat.size() >= idle_bytes; beat.remove_prefix(idle_bytes)) {
    std::int32_t numbers[2];
    std::memcpy(numbers, beat.data(), idle_bytes);
    if (numbers[0] >= 0 && numbers[1] >= 0) idle[numbers[0]] = milliseconds(numbers[1]);
  }
  return idle;
}

// Often enough to tell a rank that looks into its mailbox from one that does not.
Beat::Beat(const Mailbox::Options& options)
    : header_{.kind = Tag::beat,
              .real_bytes = sizeof(nn::real),
              .run = options.run,
              .from = options.rank},
      interval_(std::max(milliseconds(10), std::min(options.heartbeat / 6, options.deadline / 8))) {
}

void Beat::tell(const IdleTimes& idle) {
  std::string text;
  for (const auto& [rank, duration] : idle)
    for (const std::int64_t number : {std::int64_t{rank}, duration / milliseconds(1)}) {
      const auto value = static_cast<std::int32_t>(number);
      text.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  if (text == told_) return;
  told_ = text;
  const std::lock_guard lock(mutex_);
  idle_ = std::move(text);
}

Beat::Content Beat::content() const {
  const std::lock_guard lock(mutex_);
  Content content{header_, idle_};
  content.header.sequence = looks_;
  content.header.bytes = idle_.size();
  return content;
}

}  // namespace pipeline
