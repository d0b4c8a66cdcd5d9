#include "tools/ranks/parcel.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nn/base/error.h"

namespace ranks {

namespace {

struct AssignmentHead {
  std::int32_t client = 0, round = 0;
  std::uint64_t seed = 0;
  double learning_rate = 0;
  std::int32_t first = 0, count = 0;  // of a test; of no examples: none
  std::uint64_t has_trigger = 0;
  std::array<std::uint64_t, 3> sizes{};  // buffers, state, residual
};

struct TrainedHead {
  std::int64_t bytes = 0;
  double loss = 0, seconds = 0;
  std::array<std::uint64_t, 4> sizes{};  // values, state, buffers, residual
};

template <class Head, std::size_t count>
std::string joined(Head head, const std::array<std::span<const nn::real>, count>& parts) {
  for (std::size_t i = 0; i < count; ++i) head.sizes[i] = parts[i].size();
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  for (const auto& part : parts)
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size_bytes());
  return bytes;
}

// Reads the head, and the numbers after it into `numbers`.
template <class Head>
Head separate(std::span<const std::byte> bytes, std::vector<nn::real>& numbers) {
  Head head;
  bool is_right = bytes.size() >= sizeof head;
  if (is_right) std::memcpy(&head, bytes.data(), sizeof head);
  std::uint64_t rest = is_right ? (bytes.size() - sizeof head) / sizeof(nn::real) : 0;
  for (const std::uint64_t size : head.sizes) {
    is_right &= size <= rest;
    rest -= is_right ? size : 0;
  }
  if (!is_right || rest != 0 || (bytes.size() - sizeof head) % sizeof(nn::real) != 0)
    throw nn::Error(nn::concat("a rank's message of ", bytes.size(), " bytes is malformed"));
  numbers.resize((bytes.size() - sizeof head) / sizeof(nn::real));
  std::ranges::copy(bytes.subspan(sizeof head), std::as_writable_bytes(std::span(numbers)).begin());
  return head;
}

// The next so many of the numbers.
std::span<nn::real> take(std::span<nn::real>& numbers, std::uint64_t count) {
  const std::span<nn::real> taken = numbers.first(count);
  numbers = numbers.subspan(count);
  return taken;
}

std::vector<nn::real> copy(std::span<const nn::real> numbers) {
  return {numbers.begin(), numbers.end()};
}

}  // namespace

std::string to_bytes(const fl::Assignment& a) {
  const fl::TestPart test = a.test.value_or(fl::TestPart{});
  return joined(AssignmentHead{a.client, a.round, a.seed, a.learning_rate, test.first, test.count,
                               test.has_trigger},
                std::array<std::span<const nn::real>, 3>{a.received.buffers, a.state, a.residual});
}

std::string to_bytes(const fl::Trained& t) {
  return joined(TrainedHead{t.bytes, t.loss, t.seconds},
                std::array<std::span<const nn::real>, 4>{t.values, t.state, t.buffers, t.residual});
}

Parcel<fl::Assignment> assignment_of(std::span<const std::byte> bytes) {
  Parcel<fl::Assignment> parcel;
  const auto head = separate<AssignmentHead>(bytes, parcel.numbers);
  std::span<nn::real> rest = parcel.numbers;
  parcel.value = {.client = head.client,
                  .round = head.round,
                  .seed = head.seed,
                  .learning_rate = head.learning_rate,
                  .received = {},
                  .state = {},
                  .residual = {}};
  if (head.count > 0) parcel.value.test = {head.first, head.count, head.has_trigger != 0};
  parcel.value.received.buffers = take(rest, head.sizes[0]);
  parcel.value.state = take(rest, head.sizes[1]);
  parcel.value.residual = copy(take(rest, head.sizes[2]));
  return parcel;
}

Parcel<fl::Trained> trained_of(std::span<const std::byte> bytes) {
  Parcel<fl::Trained> parcel;
  const auto head = separate<TrainedHead>(bytes, parcel.numbers);
  std::span<nn::real> rest = parcel.numbers;
  parcel.value.values = take(rest, head.sizes[0]);
  parcel.value.state = take(rest, head.sizes[1]);
  parcel.value.buffers = take(rest, head.sizes[2]);
  parcel.value.residual = copy(take(rest, head.sizes[3]));
  parcel.value.bytes = head.bytes;
  parcel.value.loss = head.loss;
  parcel.value.seconds = head.seconds;
  return parcel;
}

}  // namespace ranks
