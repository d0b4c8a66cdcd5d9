#include "nn/team.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// Returns when `number` is no longer `old`. Polls first, because falling asleep and waking takes
// longer than most loops.
void wait_for_change(const std::atomic<unsigned>& number, unsigned old) {
  constexpr int patience = 200;
  for (int i = 0; i < patience && number.load(std::memory_order_acquire) == old; ++i)
    std::this_thread::yield();
  number.wait(old, std::memory_order_acquire);
}

}  // namespace

Team::Team(int threads) : threads_(std::max(1, threads)) {
  try {
    for (int i = 1; i < threads; ++i) helpers_.emplace_back([this] { help(); });
  } catch (const std::system_error& error) {
    dismiss();
    throw InputError(concat("cannot start ", threads, " threads: ", error.code().message()),
                     "choose fewer threads");
  } catch (...) {
    dismiss();
    throw;
  }
}

Team::Team(int threads, Clock clock, Record record)
    : threads_(threads), clock_(clock), record_(std::move(record)) {
  require(threads > 0 && clock && record_, "team: a rehearsal needs threads, a clock and a record");
}

Team::~Team() { dismiss(); }

void Team::dismiss() {
  is_over_ = true;
  ++turn_;
  turn_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

// A helper counts itself in, then checks that the loop is still open. The caller closes the loop,
// then checks that no helper is inside. So at least one of them sees the other.
void Team::run(const Loop& loop) {
  if (record_) return rehearse(loop);
  loop_ = loop;
  next_part_ = 0;
  ++turn_;
  turn_.notify_all();
  take_parts();
  ++turn_;
  for (unsigned inside; (inside = working_) > 0;) wait_for_change(working_, inside);
}

void Team::rehearse(const Loop& loop) const {
  std::vector<double> seconds;
  double start = clock_();
  for (index part = 0; part < loop.parts; ++part) {
    loop.call(loop.work, part);
    const double end = clock_();
    seconds.push_back(end - start);
    start = end;
  }
  record_(seconds);
}

void Team::take_parts() {
  for (index part; (part = next_part_++) < loop_.parts;) loop_.call(loop_.work, part);
}

void Team::help() {
  for (unsigned seen = 0;;) {
    wait_for_change(turn_, seen);
    seen = turn_;
    if (is_over_) return;
    if (seen % 2 == 0) continue;
    ++working_;
    if (turn_ == seen) take_parts();
    --working_;
    working_.notify_all();
  }
}

}  // namespace nn
