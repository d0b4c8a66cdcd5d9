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

using Faults = std::function<void(SimulatedNetwork&, VirtualTime&)>;
using RankWork = std::function<void(Mailbox&)>;

void wait_for_the_next(Mailbox& mailbox) {
  mailbox.receive((mailbox.rank() + 1) % 3, {Tag::loss}, "testing");
}

// Three ranks meet and work. What each says in the end; `begin` lets faults befall them, and `then`
// does once they have met.
std::vector<std::string> three_ranks(const Faults& begin, const Faults& then,
                                     const RankWork& rank_works = wait_for_the_next) {
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
      rank_works(mailbox);
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

TEST_CASE("a rank that has said goodbye is blamed if others still wait for it") {
  const auto messages = three_ranks(
      none,
      [](SimulatedNetwork& network, VirtualTime&) { network.occupy(0, std::chrono::minutes(2)); },
      [](Mailbox& mailbox) {
        if (mailbox.rank() == 1) mailbox.receive(0, {Tag::loss}, "testing");
        mailbox.part();
      });
  for (int rank : {1, 2}) CHECK(messages[rank].starts_with("rank 0 has done nothing for "));
}

}  // namespace pipeline
