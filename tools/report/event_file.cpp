#include "tools/report/event_file.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "nn/base/checksum.h"

namespace report {

namespace {

// Little endian, as every machine is that this engine runs on.
template <class Value>
std::string bytes_of(Value value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// Fields of a protocol buffer message: the number, then the kind of the value.
enum class Wire { varint = 0, eight_bytes = 1, counted = 2, four_bytes = 5 };
std::string field(int number, Wire wire, const std::string& value) {
  const std::string tag = varint(number << 3 | static_cast<int>(wire));
  return tag + (wire == Wire::counted ? varint(value.size()) : "") + value;
}

// TFRecord's checksum: rotated and offset, so that a checksum of checksums is none.
std::string masked_crc(const std::string& text) {
  const std::uint32_t crc = nn::crc32c(std::as_bytes(std::span(text)));
  return bytes_of(static_cast<std::uint32_t>((crc >> 15 | crc << 17) + 0xa282ead8u));
}

}  // namespace

EventFile::EventFile(double start) : start_(start) {
  add_record(field(1, Wire::eight_bytes, bytes_of(start)) +
             field(3, Wire::counted, "brain.Event:2"));
}

void EventFile::add(int step, double seconds, const Scalars& scalars) {
  std::string summary;
  for (const auto& [name, value] : scalars)
    summary += field(1, Wire::counted,
                     field(1, Wire::counted, name) +
                         field(2, Wire::four_bytes, bytes_of(static_cast<float>(value))));
  add_record(field(1, Wire::eight_bytes, bytes_of(start_ + seconds)) +
             field(2, Wire::varint, varint(step)) + field(5, Wire::counted, summary));
}

void EventFile::add_record(const std::string& event) {
  const std::string length = bytes_of(static_cast<std::uint64_t>(event.size()));
  content_ += length + masked_crc(length) + event + masked_crc(event);
}

}  // namespace report
