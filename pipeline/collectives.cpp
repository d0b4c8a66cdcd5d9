#include "pipeline/collectives.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "nn/base/error.h"

namespace pipeline {

Segment ring_segment(std::size_t values, int ranks, int number) {
  const std::size_t index = (number % ranks + ranks) % ranks;
  const std::size_t length = (values + ranks - 1) / ranks;
  const std::size_t first = std::min(index * length, values);
  return {first, std::min(length, values - first)};
}

Ring::Ring(Work work, Mailbox& mailbox, std::vector<int> group, int place,
           std::span<nn::real> values, int divisor, int step, int item, Lease& lease)
    : mailbox_(mailbox),
      group_(std::move(group)),
      size_(static_cast<int>(group_.size())),
      place_(place),
      values_(values),
      divisor_(divisor),
      step_(step),
      item_(item),
      lease_(lease),
      turn_(work == Work::all_gather ? size_ - 1 : 0),
      end_(work == Work::reduce_scatter ? size_ - 1 : ring_turns(size_)) {
  if (turn_ < end_) send_turn();
}

std::span<nn::real> Ring::segment(int number) const {
  const auto [first, length] = ring_segment(values_.size(), size_, number);
  return values_.subspan(first, length);
}

void Ring::send_turn() {
  mailbox_.send(group_[(place_ + 1) % size_], {Tag::reduce, step_, item_, turn_},
                segment(place_ - turn_), lease_);
}

bool Ring::advance() {
  while (turn_ < end_) {
    const auto message = mailbox_.try_receive(group_[(place_ + size_ - 1) % size_],
                                              {Tag::reduce, step_, item_, turn_});
    if (!message) return false;
    const std::span<nn::real> mine = segment(place_ - turn_ - 1);
    nn::require(message->numbers().size() == mine.size(), "ring: got ", message->numbers().size(),
                " values for a segment of ", mine.size());
    if (turn_ < size_ - 1)
      std::ranges::transform(mine, message->numbers(), mine.begin(), std::plus<>());
    else
      std::ranges::copy(message->numbers(), mine.begin());
    if (turn_ == size_ - 2)
      for (nn::real& value : mine) value /= static_cast<nn::real>(divisor_);
    if (++turn_ < end_) send_turn();
  }
  return lease_.is_free();
}

bool StepOrders::go_on(int done, bool has_steps_left, bool wants_to_stop, const std::string& what) {
  const Tag order{Tag::order, done};
  if (mailbox_.rank() != 0) {
    if (wants_to_stop && !std::exchange(has_asked_, true))
      mailbox_.send_number(0, {Tag::stop_request}, done);
    return mailbox_.receive_number(0, order, what) != 0;
  }
  mailbox_.progress(what);
  for (int other = 1; other < mailbox_.ranks(); ++other)
    has_asked_ |= mailbox_.try_receive(other, {Tag::stop_request}).has_value();
  const bool goes_on = has_steps_left && !has_asked_ && !wants_to_stop;
  for (int other = 1; other < mailbox_.ranks(); ++other)
    mailbox_.send_number(other, order, goes_on);
  return goes_on;
}

double sum_over_ranks(Mailbox& mailbox, std::vector<double> numbers, Tag tag,
                      const std::string& what) {
  if (mailbox.rank() != 0) {
    mailbox.send_numbers(0, tag, numbers);
    return mailbox.receive_number(0, tag, what);
  }
  for (int other = 1; other < mailbox.ranks(); ++other)
    std::ranges::transform(mailbox.receive_numbers(other, tag, numbers.size(), what), numbers,
                           numbers.begin(), std::plus<>());
  const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  for (int other = 1; other < mailbox.ranks(); ++other) mailbox.send_number(other, tag, sum);
  return sum;
}

}  // namespace pipeline
