#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <thread>

#include "nn/base/error.h"
#include "nn/random.h"
#include "pipeline/collectives.h"

namespace pipeline {

namespace {

// Calls use(mailbox) on each of the ranks, threads of this process, once they have met.
void on_ranks(const char* name, int ranks, const std::function<void(Mailbox&)>& use) {
  std::vector<std::string> addresses;
  for (int rank = 0; rank < ranks; ++rank)
    addresses.push_back(nn::concat("inproc://", name, '-', rank));
  Network network;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      Mailbox mailbox(network, {.rank = rank, .addresses = addresses});
      mailbox.meet("", std::chrono::seconds(10));
      use(mailbox);
      mailbox.part();
    });
  for (std::thread& thread : threads) thread.join();
}

// The all-reduce of `size` values on each of the ranks.
std::vector<std::vector<nn::real>> reduce(int ranks, std::size_t size) {
  std::vector<std::vector<nn::real>> values(ranks, std::vector<nn::real>(size));
  std::vector<int> group;
  for (int rank = 0; rank < ranks; ++rank) {
    nn::Generator(rank + 1).uniform(values[rank], -1, 1);
    group.push_back(rank);
  }
  std::deque<Lease> leases(ranks);
  std::atomic<bool> all_free{true};
  on_ranks("reduce", ranks, [&](Mailbox& mailbox) {
    const int rank = mailbox.rank();
    Ring<nn::real> ring(RingWork::all_reduce, mailbox, group, rank, values[rank], ranks, 0, 0,
                        leases[rank]);
    mailbox.wait([&] { return ring.advance(); }, "reducing");
    all_free = all_free && leases[rank].is_free();
  });
  CHECK(all_free);
  return values;
}

}  // namespace

TEST_CASE("all-reduce gives every rank the same mean, of any number of values") {
  for (int ranks : {1, 2, 3, 5})
    for (std::size_t size : {0, 1, 2, 4, 7, 1000, 100'000}) {
      CAPTURE(ranks);
      CAPTURE(size);
      std::vector<double> mean(size);
      for (int rank = 0; rank < ranks; ++rank) {
        std::vector<nn::real> values(size);
        nn::Generator(rank + 1).uniform(values, -1, 1);
        for (std::size_t i = 0; i < size; ++i) mean[i] += static_cast<double>(values[i]) / ranks;
      }
      const auto results = reduce(ranks, size);
      for (int rank = 1; rank < ranks; ++rank) CHECK(results[rank] == results[0]);
      double largest = 0;
      for (std::size_t i = 0; i < size; ++i)
        largest = std::max(largest, std::abs(static_cast<double>(results[0][i]) - mean[i]));
      CHECK(largest < 3e-7);
    }
}

TEST_CASE("numbers of all ranks add up to the same bits on every rank, whichever has them") {
  const std::vector<double> numbers{0.1, 0.2, 0.3, 1e-20, 1e20, -1e20};
  double in_order = 0;
  for (double number : numbers) in_order += number;
  for (int ranks : {1, 2, 4}) {
    std::vector<double> sums(ranks);
    on_ranks("sums", ranks, [&](Mailbox& mailbox) {
      const int rank = mailbox.rank();
      std::vector<double> own(numbers.size());
      for (std::size_t i = 0; i < own.size(); ++i)
        if (static_cast<int>(i * 7 % ranks) == rank) own[i] = numbers[i];
      sums[rank] = sum_over_ranks(mailbox, own, {Tag::verdict}, "adding up");
    });
    CHECK(sums == std::vector<double>(ranks, in_order));
  }
}

TEST_CASE("all ranks stop after the same step, whichever was told to; otherwise they take all") {
  constexpr int ranks = 4, steps = 20;
  for (int told : {-1, 0, 1, 3}) {
    CAPTURE(told);
    std::vector<int> done(ranks);
    on_ranks("orders", ranks, [&](Mailbox& mailbox) {
      const int rank = mailbox.rank();
      StepOrders orders(mailbox);
      for (bool goes_on = true; goes_on;) {
        const int step = ++done[rank];
        if (rank == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // its work
        goes_on = orders.go_on(step, step < steps, rank == told && step >= 5, "waiting");
      }
    });
    CHECK(done == std::vector<int>(ranks, done[0]));
    if (told < 0) CHECK(done[0] == steps);
    if (told == 0) CHECK(done[0] == 5);
    if (told > 0) CHECK((done[0] >= 5 && done[0] < steps));
  }
}

}  // namespace pipeline
