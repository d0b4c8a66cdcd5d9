// The first frame of a message, with the length of its payload before it.

#include "pipeline/mailbox/frame.h"

#include <algorithm>
#include <cstring>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t payload = 0;
  if (size < sizeof payload) return 0;
  std::memcpy(&payload, data, sizeof payload);
  const auto frame = std::as_bytes(std::span(data, size)).subspan(sizeof payload);
  const auto header = pipeline::parse_header(frame, payload);
  if (!header) return 0;
  fuzz::expect(header->kind <= pipeline::Tag::failure, "a message is of a known kind");
  fuzz::expect(header->bytes == payload, "a payload is as long as its header says");
  fuzz::expect(std::ranges::equal(std::as_bytes(std::span(&*header, 1)), frame),
               "nothing of a frame is lost");
  return 0;
}
