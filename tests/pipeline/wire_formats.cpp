#include "pipeline/outer_steps/wire_formats.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/random.h"
#include "tests/complaint.h"

namespace pipeline {

namespace {

using Numbers = std::vector<nn::real>;

Numbers some_numbers(std::size_t count, nn::real largest) {
  Numbers numbers(count);
  nn::Generator(7).uniform(numbers, -largest, largest);
  return numbers;
}

// What arrives of the numbers, which are replaced by what is lost.
Numbers sent(const WireFormat& format, Numbers& numbers) {
  std::vector<std::byte> bytes(format.size(numbers.size()));
  format.encode(numbers, bytes);
  Numbers sums(numbers.size());
  format.add(bytes, sums);
  return sums;
}

float sent_as_half(float number) {
  Numbers numbers{static_cast<nn::real>(number)};
  return static_cast<float>(sent(wire_format_named("half"), numbers)[0]);
}

}  // namespace

TEST_CASE("what arrives and what is lost add up to what was sent") {
  for (const WireFormat& format : wire_format_table())
    for (const std::size_t count : {0, 1, 255, 256, 257, 1000}) {
      CAPTURE(format.name);
      CAPTURE(count);
      const Numbers numbers = some_numbers(count, nn::real(0.01));
      Numbers lost = numbers;
      const Numbers arrived = sent(format, lost);
      for (std::size_t i = 0; i < count; ++i)
        CHECK(arrived[i] + lost[i] == doctest::Approx(numbers[i]).epsilon(1e-6));
    }
}

TEST_CASE("a format loses no more than its rounding") {
  const Numbers numbers = some_numbers(1000, nn::real(0.01));
  for (const auto& [name, most] : {std::pair{"float", 1e-9}, {"half", 0x1p-17}, {"int8", 8e-5}}) {
    Numbers lost = numbers;
    sent(wire_format_named(name), lost);
    for (const nn::real one : lost) CHECK(std::abs(one) <= most / 2 * 1.01);
  }
}

TEST_CASE("numbers take 4 bytes, 2, or 1 and a 128th") {
  CHECK(wire_format_named("float").size(2560) == 4 * 2560);
  CHECK(wire_format_named("half").size(2560) == 2 * 2560);
  CHECK(wire_format_named("int8").size(2560) == 2560 + 2560 / 128);
}

TEST_CASE("halves are those of IEEE 754") {
  for (const float exact : {0.0F, 1.0F, -2.5F, 65504.0F, 0x1p-14F, 0x1p-24F, 0x1.ff8p-15F})
    CHECK(sent_as_half(exact) == exact);
  CHECK(sent_as_half(1 + 0x1p-11F) == 1);                // to even
  CHECK(sent_as_half(1 + 3 * 0x1p-11F) == 1 + 0x1p-9F);  // to even, upwards
  CHECK(sent_as_half(0.1F) == 0x1.998p-4F);
  CHECK(sent_as_half(0x1.8p-24F) == 0x1p-23F);
  CHECK(sent_as_half(0x1p-26F) == 0);
  CHECK(sent_as_half(-1e6F) == -65504);
}

TEST_CASE("a group of int8 has the scale of its largest number, and zeros stay zeros") {
  Numbers numbers(512);
  numbers[3] = 1;
  numbers[300] = nn::real(-1e-6);
  numbers[301] = nn::real(5e-7);
  const Numbers arrived = sent(wire_format_named("int8"), numbers);
  CHECK(arrived[3] == doctest::Approx(1).epsilon(0.01));
  CHECK(arrived[300] == doctest::Approx(-1e-6).epsilon(0.01));
  CHECK(arrived[301] == doctest::Approx(5e-7).epsilon(0.02));
  CHECK(std::ranges::count(arrived, nn::real(0)) == 509);
  Numbers tiny{nn::real(1e-44), nn::real(-1e-44)};
  CHECK(sent(wire_format_named("int8"), tiny) == Numbers{0, 0});
}

TEST_CASE("with what was lost fed back, what arrives in the end is what was sent") {
  for (const WireFormat& format : wire_format_table()) {
    CAPTURE(format.name);
    const Numbers numbers = some_numbers(300, nn::real(0.01));
    Numbers sums(300), rest(300);
    for (int round = 0; round < 200; ++round) {
      std::ranges::transform(rest, numbers, rest.begin(), std::plus<>());
      std::ranges::transform(sums, sent(format, rest), sums.begin(), std::plus<>());
    }
    for (std::size_t i = 0; i < 300; ++i) CHECK(std::abs(sums[i] / 200 - numbers[i]) < 1e-6);
  }
}

TEST_CASE("a format that does not exist is refused") {
  CHECK(complaint_of([] { wire_format_named("int4"); }) == "there is no --sync-wire \"int4\"");
}

}  // namespace pipeline
