#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/pipeline/dice.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/virtual_time.h"

// What the seeds rely on.
namespace pipeline {

using std::chrono::milliseconds, std::chrono::seconds;

TEST_CASE("threads that have not returned at the limit of virtual time are stopped") {
  VirtualTime time;
  int stopped = 0;
  const auto work = [&](int thread) {
    try {
      while (true) time.sleep(thread, seconds(1));
    } catch (const VirtualTime::Over&) {
      ++stopped;
    }
  };
  time.run(2, work, seconds(10));
  CHECK(stopped == 2);
  CHECK(time.now().time_since_epoch() == seconds(10));
}

TEST_CASE("a lease that becomes free just after a look at it is looked at again at once") {
  VirtualTime time;
  Dice dice(1);
  SimulatedNetwork simulated(time, dice, {.latency = milliseconds(5)});
  Network network(simulated.join());
  const std::vector<nn::real> numbers(10, 1);
  Lease lease;
  std::chrono::nanoseconds waited{};
  const auto work = [&](int rank) {
    Mailbox mailbox(network, {.rank = rank, .addresses = std::vector<std::string>(2)});
    mailbox.meet("", seconds(10));
    if (rank == 0) {
      mailbox.send(1, {Tag::activation}, numbers, lease);
      const auto start = time.now();
      const auto looks = [&] {
        const bool is_free = lease.is_free();
        time.sleep(rank, milliseconds(20));
        return is_free;
      };
      mailbox.wait(looks, "testing");
      waited = time.now() - start;
    } else {
      mailbox.receive(0, {Tag::activation}, "testing");
      time.sleep(rank, seconds(1));  // and sends nothing
    }
    mailbox.part();
  };
  time.run(2, work, seconds(60));
  CHECK(waited < milliseconds(50));
}

TEST_CASE("memory that is written while a message still reads it is noticed") {
  for (const bool waits : {true, false}) {
    VirtualTime time;
    Dice dice(1);
    SimulatedNetwork simulated(time, dice, {.latency = milliseconds(5)});
    Network network(simulated.join());
    std::vector<nn::real> numbers(10, 1);
    Lease lease;
    const auto work = [&](int rank) {
      Mailbox mailbox(network, {.rank = rank, .addresses = std::vector<std::string>(2)});
      mailbox.meet("", seconds(10));
      if (rank == 0) {
        mailbox.send(1, {Tag::activation}, numbers, lease);
        if (waits) mailbox.wait([&] { return lease.is_free(); }, "testing");
        numbers[0] = 2;
      } else {
        mailbox.receive(0, {Tag::activation}, "testing");
      }
      mailbox.part();
    };
    time.run(2, work, seconds(60));
    CHECK(simulated.broken_promise ==
          (waits ? "" : "rank 0 wrote to memory that a message to rank 1 still read"));
  }
}

}  // namespace pipeline
