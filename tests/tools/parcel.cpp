#include "tools/ranks/parcel.h"

#include <doctest/doctest.h>

#include <cstring>

#include "nn/base/error.h"

namespace ranks {

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// A part of a test, and some numbers.
std::string some_bytes() {
  static const std::vector<nn::real> numbers{1, 2, 3};
  fl::Assignment assignment;
  assignment.client = 3, assignment.round = 2, assignment.seed = 42;
  assignment.received.buffers = std::span(numbers).first(2);
  assignment.state = numbers;
  assignment.residual = {4};
  assignment.test = {7, 5, true};
  return to_bytes(assignment);
}

}  // namespace

TEST_CASE("an assignment is what it was after its journey") {
  const Parcel<fl::Assignment> parcel = assignment_of(bytes_of(some_bytes()));
  CHECK(parcel.value.client == 3);
  CHECK(parcel.value.seed == 42);
  CHECK(parcel.value.received.buffers.size() == 2);
  CHECK(parcel.value.state[2] == 3);
  CHECK(parcel.value.residual == std::vector<nn::real>{4});
  REQUIRE(parcel.value.test);
  CHECK(parcel.value.test->first == 7);
  CHECK(parcel.value.test->has_trigger);
  CHECK(to_bytes(parcel.value) == some_bytes());
  CHECK_FALSE(assignment_of(bytes_of(to_bytes(fl::Assignment()))).value.test);
}

TEST_CASE("an assignment of another length is refused") {
  const std::string bytes = some_bytes();
  for (const std::string& other :
       {bytes + 'x', bytes + "1234", bytes.substr(0, bytes.size() - 1), bytes.substr(0, 9)})
    CHECK_THROWS_AS(assignment_of(bytes_of(other)), nn::Error);
}

TEST_CASE("whatever byte says that a test has a trigger, it is true") {
  std::string bytes = some_bytes();
  const std::size_t place = bytes.find(std::string("\5\0\0\0\1", 5)) + 4;
  for (const char byte : {1, 2, -1}) {
    bytes[place] = byte;
    CHECK(to_bytes(assignment_of(bytes_of(bytes)).value) == some_bytes());
  }
}

}  // namespace ranks
