// Payloads of messages, whose sizes are all that is known of them: idle times, a client's
// assignment and its update, and the numbers of an outer step.

#include <cmath>

#include "nn/real.h"
#include "pipeline/mailbox/beat.h"
#include "pipeline/outer_steps/wire_formats.h"
#include "tests/fuzz/fuzz.h"
#include "tools/ranks/parcel.h"

namespace {

// A reader of bytes may complain; what it accepts survives writing and reading.
template <class Read>
void survives(std::span<const std::byte> bytes, Read read) {
  try {
    const std::string written = ranks::to_bytes(read(bytes).value);
    fuzz::expect(ranks::to_bytes(read(std::as_bytes(std::span(written))).value) == written,
                 "a parcel survives writing and reading");
  } catch (const nn::Error& error) {
    fuzz::expect(std::ranges::none_of(std::string_view(error.what()), fuzz::is_control),
                 "a complaint is one line");
  }
}

using Numbers = std::vector<nn::real>;

Numbers decoded(const pipeline::WireFormat& format, std::span<const std::byte> bytes,
                std::size_t count) {
  Numbers sums(count);
  format.add(bytes, sums);
  return sums;
}

// As many numbers as the bytes are enough for. If they are weights, they can be sent on: what
// arrives of them and what is lost add up.
void send_on(const pipeline::WireFormat& format, std::span<const std::byte> bytes) {
  std::size_t count = 0;
  while (format.size(count + 1) <= bytes.size()) ++count;
  const Numbers numbers = decoded(format, bytes.first(format.size(count)), count);
  if (!std::ranges::all_of(numbers, [](nn::real x) { return std::abs(x) < 1e30; })) return;
  Numbers lost = numbers;
  std::vector<std::byte> code(format.size(count));
  format.encode(lost, code);
  const Numbers arrived = decoded(format, code, count);
  for (std::size_t i = 0; i < count; ++i) {
    const nn::real error = arrived[i] + lost[i] - numbers[i];
    fuzz::expect(std::abs(error) <= nn::real(1e-6) * std::abs(numbers[i]),
                 "what arrives and what is lost add up");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const auto& [rank, duration] : pipeline::parse_idle(fuzz::text_of(data, size)))
    fuzz::expect(rank >= 0 && duration.count() >= 0, "a rank has been idle for some time");
  survives(bytes, ranks::assignment_of);
  survives(bytes, ranks::trained_of);
  for (const pipeline::WireFormat& format : pipeline::wire_format_table()) send_on(format, bytes);
  return 0;
}
