#include "tools/bench/round_parts.h"

#include <doctest/doctest.h>

namespace bench {

TEST_CASE("clients of a round go in turn to the workers") {
  const RoundParts round{.clients = 5, .batches = 2, .first = {3}, .sums = {{}}, .update = 1};
  CHECK(round.work() == 40);
  CHECK(round.seconds(1) == 40);
  CHECK(round.seconds(2) == 24);  // three clients on one of them
  CHECK(round.seconds(5) == 8);
  CHECK(round.seconds(100) == 8);  // a part of a batch is not divided
}

TEST_CASE("workers without a client help with the parts of the next batch") {
  const RoundParts one{.clients = 1, .batches = 2, .first = {3, 3}, .sums = {{}, {}}, .update = 1};
  CHECK(one.seconds(1) == 14);
  CHECK(one.seconds(2) == 8);
  RoundParts three = one;
  three.clients = 3;
  CHECK(three.seconds(4) == 14);  // the fourth helps one of three
  CHECK(three.seconds(6) == 8);
  three.batches = 4;
  CHECK(three.seconds(2) == 28 + 7 + 3 * 4);  // two clients; the third, then with help
  CHECK(three.work() == 84);
}

TEST_CASE("parts of a batch add to each weight in their order") {
  const RoundParts round{
      .clients = 1, .batches = 1, .first = {2, 2}, .sums = {{1, 1}, {1, 1}}, .update = 0};
  CHECK(round.seconds(1) == 8);
  CHECK(round.seconds(2) == 5);
}

TEST_CASE("updates are taken in the order of the clients, and then comes the test") {
  RoundParts round{.clients = 2, .batches = 1, .first = {4}, .sums = {{}}, .take = 3};
  CHECK(round.seconds(2) == 10);
  round.serial = 2;
  round.tests = {5, 5, 5};
  round.take_tests = {1, 1, 1};
  CHECK(round.work() == 34);
  CHECK(round.seconds(1) == 34);
  CHECK(round.seconds(2) == 10 + 2 + 12);
  CHECK(round.seconds(3) == 10 + 2 + 8);
}

}  // namespace bench
