#include "pipeline/collectives.h"

#include <algorithm>
#include <array>
#include <cstddef>
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

template <class Number>
Ring<Number>::Ring(RingWork work, Mailbox& mailbox, std::vector<int> group, int place,
                   std::span<Number> values, int divisor, int step, int item, Lease& lease)
    : mailbox_(mailbox),
      group_(std::move(group)),
      size_(static_cast<int>(group_.size())),
      place_(place),
      values_(values),
      divisor_(divisor),
      step_(step),
      item_(item),
      lease_(lease),
      turn_(work == RingWork::all_gather ? size_ - 1 : 0),
      end_(work == RingWork::reduce_scatter ? size_ - 1 : ring_turns(size_)) {
  if (turn_ < end_) send_turn();
}

template <class Number>
std::span<Number> Ring<Number>::segment(int number) const {
  const auto [first, length] = ring_segment(values_.size(), size_, number);
  return values_.subspan(first, length);
}

template <class Number>
void Ring<Number>::send_turn() {
  mailbox_.send_bytes(group_[(place_ + 1) % size_], {Tag::reduce, step_, item_, turn_},
                      std::as_bytes(segment(place_ - turn_)), lease_);
}

template <class Number>
bool Ring<Number>::advance() {
  while (turn_ < end_) {
    const auto message = mailbox_.try_receive(group_[(place_ + size_ - 1) % size_],
                                              {Tag::reduce, step_, item_, turn_});
    if (!message) return false;
    const std::span<Number> mine = segment(place_ - turn_ - 1);
    const std::span<const Number> got = message->numbers_as<Number>();
    nn::require(got.size() == mine.size(), "ring: got ", got.size(), " values for a segment of ",
                mine.size());
    if (turn_ < size_ - 1)
      std::ranges::transform(mine, got, mine.begin(), std::plus<>());
    else
      std::ranges::copy(got, mine.begin());
    if (turn_ == size_ - 2)
      for (Number& value : mine) value /= static_cast<Number>(divisor_);
    if (++turn_ < end_) send_turn();
  }
  return lease_.is_free();
}

template class Ring<float>;
template class Ring<double>;

bool StepOrders::go_on(int done, bool has_steps_left, bool wants_to_stop, const std::string& what,
                       bool calls_others) {
  enum Order { stop, go_on, call_others };
  const Tag tag{Tag::order, done};
  if (mailbox_.rank() != 0) {
    if (wants_to_stop && !std::exchange(has_asked_, true))
      mailbox_.send_number(0, {Tag::stop_request}, done);
    const auto order = static_cast<Order>(mailbox_.receive_number(0, tag, what));
    calls_others_ = order == call_others;
    return order == go_on;
  }
  mailbox_.progress(what);
  for (int other = 1; other < mailbox_.ranks(); ++other)
    has_asked_ |= mailbox_.try_receive(other, {Tag::stop_request}).has_value();
  const bool goes_on = has_steps_left && !has_asked_ && !wants_to_stop;
  calls_others_ = goes_on && calls_others;
  for (int other = 1; other < mailbox_.ranks(); ++other)
    mailbox_.send_number(other, tag, calls_others_ ? call_others : goes_on ? go_on : stop);
  return goes_on && !calls_others_;
}

namespace {

// The sums of the first numbers and of the rest.
TwoSums sums_of(const std::vector<double>& numbers, std::size_t first) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(first);
  return {std::accumulate(numbers.begin(), middle, 0.0),
          std::accumulate(middle, numbers.end(), 0.0)};
}

std::vector<int> all_ranks(const Mailbox& mailbox) {
  std::vector<int> ranks(mailbox.ranks());
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

// On the first rank of a group: each number, added up over the ranks.
void add_those_of_others(Mailbox& mailbox, const std::vector<int>& group,
                         std::vector<double>& numbers, Tag tag, const std::string& what) {
  for (int other : std::span(group).subspan(1))
    std::ranges::transform(mailbox.receive_numbers(other, tag, numbers.size(), what), numbers,
                           numbers.begin(), std::plus<>());
}

}  // namespace

double sum_over_ranks(Mailbox& mailbox, const std::vector<int>& group, std::vector<double> numbers,
                      Tag tag, const std::string& what) {
  const int first = group.front();
  if (mailbox.rank() != first) {
    mailbox.send_numbers(first, tag, numbers);
    return mailbox.receive_number(first, tag, what);
  }
  add_those_of_others(mailbox, group, numbers, tag, what);
  const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  for (int other : std::span(group).subspan(1)) mailbox.send_number(other, tag, sum);
  return sum;
}

double sum_over_ranks(Mailbox& mailbox, std::vector<double> numbers, Tag tag,
                      const std::string& what) {
  return sum_over_ranks(mailbox, all_ranks(mailbox), std::move(numbers), tag, what);
}

TwoSums sums_over_ranks(Mailbox& mailbox, std::vector<double> first,
                        const std::vector<double>& second, Tag tag, const std::string& what) {
  const std::size_t middle = first.size();
  std::vector<double> numbers = std::move(first);
  numbers.insert(numbers.end(), second.begin(), second.end());
  if (mailbox.rank() != 0) {
    mailbox.send_numbers(0, tag, numbers);
    const std::vector<double> sums = mailbox.receive_numbers(0, tag, 2, what);
    return {sums[0], sums[1]};
  }
  add_those_of_others(mailbox, all_ranks(mailbox), numbers, tag, what);
  const TwoSums sums = sums_of(numbers, middle);
  for (int other = 1; other < mailbox.ranks(); ++other)
    mailbox.send_numbers(other, tag, std::array{sums.first, sums.second});
  return sums;
}

}  // namespace pipeline
