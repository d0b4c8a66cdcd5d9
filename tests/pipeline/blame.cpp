#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/two_ranks.h"
#include "tests/pipeline/virtual_time.h"

// Whom ranks blame, in cases that seeds have found.
namespace pipeline {

namespace {

using std::chrono::milliseconds, std::chrono::seconds;

// Three ranks meet and wait for each other. What each says in the end; `begin` lets faults befall
// them, and `then` does once they have met.
using Faults = std::function<void(SimulatedNetwork&, VirtualTime&)>;
std::vector<std::string> three_ranks(const Faults& begin, const Faults& then) {
  VirtualTime time;
  Dice dice(1);
  SimulatedNetwork simulated(time, dice, {});
  Network network(simulated.join());
  begin(simulated, time);
  std::vector<std::string> messages(3);
  const auto work = [&](int rank) {
    Mailbox mailbox(network, {.rank = rank, .addresses = std::vector<std::string>(3)});
    messages[rank] = message_of([&] {
      mailbox.meet("", seconds(10));
      if (rank == 1) then(simulated, time);
      mailbox.receive((rank + 1) % 3, {Tag::loss}, "testing");
    });
  };
  time.run(3, work, std::chrono::minutes(5));
  return messages;
}

const Faults none = [](SimulatedNetwork&, VirtualTime&) {};

}  // namespace

TEST_CASE("of two lost ranks the first is blamed: the other may have left because of it") {
  const auto messages = three_ranks(none, [](SimulatedNetwork& network, VirtualTime& time) {
    time.after(milliseconds(100), [&network] { network.break_connection(1, 2); });
    time.after(milliseconds(150), [&network] { network.break_connection(1, 0); });
  });
  CHECK(messages[1] == "rank 2 is gone, while testing");
}

TEST_CASE("two ranks of which one does not hear the other name each other when they cannot meet") {
  const auto messages = three_ranks(
      [](SimulatedNetwork& network, VirtualTime&) { network.cut(2, 1, seconds(60)); }, none);
  CHECK(messages[1].ends_with("; not connected: rank 2"));
  CHECK(messages[2].ends_with("; not connected: rank 1"));
}

}  // namespace pipeline
