#include "pipeline/frame.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace pipeline {

static_assert(sizeof(Header) == 48 && std::is_trivially_copyable_v<Header>);
static_assert(std::endian::native == std::endian::little);

std::optional<Header> parse_header(std::span<const std::byte> frame, std::size_t payload_bytes) {
  Header header;
  if (frame.size() != sizeof header) return std::nullopt;
  std::memcpy(&header, frame.data(), sizeof header);
  const bool is_right = header.magic == Header::right_magic &&
                        header.version == Header::right_version && header.kind <= Tag::failure &&
                        header.bytes == payload_bytes;
  return is_right ? std::optional(header) : std::nullopt;
}

}  // namespace pipeline
