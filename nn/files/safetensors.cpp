#include "nn/files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <istream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

using nlohmann::json;
// Enough for a hundred thousand tensors. The reference reader accepts ten times as much, which may
// take 3 GB of memory as parsed JSON.
constexpr std::uint64_t largest_header = 10'000'000;
constexpr const char* file_hint =
    "check that it is a complete safetensors file, not a link or a pointer to one";

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31, part = bits & 1023;
  if (exponent == 0)
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(part * 0x1p-24f));
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | part << 13);
}

template <class Stored, class Convert>
void convert_all(const char* bytes, std::span<real> values, Convert convert) {
  for (real& value : values) {
    Stored stored;
    std::memcpy(&stored, bytes, sizeof stored);
    bytes += sizeof stored;
    value = static_cast<real>(convert(stored));
  }
}

struct Format {
  const char* name;
  std::uint64_t size;
  void (*convert)(const char* bytes, std::span<real> values);
  bool is_integer = false;
};
constexpr Format formats[] = {
    {"F32", 4, [](const char* b, std::span<real> v) { convert_all<float>(b, v, std::identity{}); }},
    {"F64", 8,
     [](const char* b, std::span<real> v) { convert_all<double>(b, v, std::identity{}); }},
    {"F16", 2,
     [](const char* b, std::span<real> v) { convert_all<std::uint16_t>(b, v, from_half); }},
    {"BF16", 2,
     [](const char* b, std::span<real> v) { convert_all<std::uint16_t>(b, v, from_bfloat16); }},
    {"I64", 8,
     [](const char* b, std::span<real> v) { convert_all<std::int64_t>(b, v, std::identity{}); },
     true},
};

// Opens a regular file. A pipe, for example, has no size.
std::unique_ptr<std::istream> open_stream(const std::filesystem::path& path) {
  std::error_code error;
  (void)std::filesystem::file_size(path, error);
  errno = 0;
  auto file = std::make_unique<std::ifstream>();
  if (!error) file->open(path, std::ios::binary);
  if (!file->is_open())
    throw InputError(
        concat("cannot read ", path.string(), ": ", error ? error.message() : std::strerror(errno)),
        "check the path and its permissions");
  return file;
}

// Reads and checks a header. Errors name the file.
class HeaderReader {
 public:
  HeaderReader(const std::string& name, std::istream& stream) : name_(name) {
    const auto file_size = static_cast<std::uint64_t>(stream.seekg(0, std::ios::end).tellg());
    std::uint64_t header_size = 0;
    stream.seekg(0).read(reinterpret_cast<char*>(&header_size), 8);
    check(stream.good(), "too short for a header");
    check(header_size <= file_size - 8, "the header claims ", header_size, " bytes, the file has ",
          file_size);
    check(header_size <= largest_header, "the header claims ", header_size, " bytes, more than ",
          largest_header);
    header_.resize(header_size);
    stream.read(header_.data(), static_cast<std::streamsize>(header_size));
    check(stream.good(), "the header cannot be read");
    check(header_.starts_with('{'), "the header does not start with {");
    begin_ = 8 + header_size;
    size_ = file_size - begin_;
  }

  void read(std::map<std::string, SafetensorsFile::Entry>& entries, Metadata& metadata) {
    const json header = parse_json_object(header_, name_ + ": the header", file_hint);
    std::multiset<std::pair<std::uint64_t, std::uint64_t>> extents;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry, metadata);
        continue;
      }
      const SafetensorsFile::Entry& read = entries[name] = read_entry(name, entry);
      extents.emplace(read.offset - begin_, read.offset - begin_ + read.bytes);
    }
    // The tensors must cover the data exactly once, without gaps or overlaps.
    std::uint64_t end = 0;
    for (const auto& [first, last] : extents) {
      check(first == end, "the data has a gap or an overlap at byte ", end);
      end = last;
    }
    check(end == size_, size_ - end, " bytes of data belong to no tensor");
  }

 private:
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds) throw InputError(concat(name_, ": ", parts...), file_hint);
  }

  void read_metadata(const json& entry, Metadata& metadata) const {
    check(entry.is_object(), "__metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      check(value.is_string(), "the metadata ", json_quote(key), " is not a string");
      metadata[key] = value.get<std::string>();
    }
  }

  SafetensorsFile::Entry read_entry(const std::string& key, const json& entry) const {
    const std::string tensor = "tensor " + json_quote(key);
    check(entry.is_object() && entry.size() == 3 && entry.contains("dtype") &&
              entry.contains("shape") && entry.contains("data_offsets"),
          tensor, " does not have exactly dtype, shape and data_offsets");
    const json &dtype = entry["dtype"], &extents = entry["shape"], &offsets = entry["data_offsets"];
    const auto format = std::ranges::find_if(
        formats, [&](const Format& known) { return dtype.is_string() && dtype == known.name; });
    check(format != std::end(formats), tensor, " has the type ",
          dtype.is_string() ? json_quote(dtype.get<std::string>()) : dtype.type_name(),
          ", which is not I64, F32, F64, F16 or BF16");
    check(extents.is_array() && extents.size() <= Shape::max_rank, tensor,
          " has a shape of more than ", Shape::max_rank, " dimensions");
    check(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          tensor, " does not have two data_offsets");
    const auto first = offsets[0].get<std::uint64_t>(), last = offsets[1].get<std::uint64_t>();
    check(first <= last && last <= size_, tensor, " lies outside the data");

    std::vector<index> shape;
    std::uint64_t bytes = format->size;
    for (const json& extent : extents) {
      check(extent.is_number_unsigned(), tensor, " has a shape that is not of numbers");
      const auto size = extent.get<std::uint64_t>();
      check(size <= size_ && !__builtin_mul_overflow(bytes, size, &bytes), tensor,
            " is larger than the file");
      shape.push_back(static_cast<index>(size));
    }
    check(bytes == last - first, tensor, " has ", last - first, " bytes, its shape needs ", bytes);
    return {Shape(shape), begin_ + first, bytes, static_cast<int>(format - formats),
            format->is_integer};
  }

  std::string name_;
  std::string header_;
  std::uint64_t begin_ = 0, size_ = 0;  // of the data
};

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : SafetensorsFile(open_stream(path), path.string()) {}

SafetensorsFile::SafetensorsFile(std::unique_ptr<std::istream> stream, std::string name)
    : name_(std::move(name)), stream_(std::move(stream)) {
  HeaderReader(name_, *stream_).read(entries_, metadata_);
}

void SafetensorsFile::read(const Entry& entry, std::span<real> values) {
  if (entry.is_integer)
    throw InputError(
        concat(name_, ": a tensor ", entry.shape, " holds I64 where floats are expected"),
        file_hint);
  convert(entry, values);
}

void SafetensorsFile::read_integers(const Entry& entry, std::span<real> values) {
  if (!entry.is_integer)
    throw InputError(
        concat(name_, ": a tensor ", entry.shape, " holds floats where I64 is expected"),
        file_hint);
  convert(entry, values);
}

void SafetensorsFile::convert(const Entry& entry, std::span<real> values) {
  require(static_cast<index>(values.size()) == entry.shape.size(),
          "safetensors: a tensor of shape ", entry.shape, " does not fill ", values.size(),
          " numbers");
  const Format& format = formats[entry.format];
  char bytes[1 << 16];
  const std::size_t most = sizeof bytes / format.size;
  stream_->seekg(static_cast<std::streamoff>(entry.offset));
  while (!values.empty()) {
    const std::span<real> part = values.first(std::min(most, values.size()));
    if (!stream_->read(bytes, static_cast<std::streamsize>(part.size() * format.size)))
      throw InputError(concat(name_, ": the file became shorter while it was read"), file_hint);
    format.convert(bytes, part);
    values = values.subspan(part.size());
  }
}

}  // namespace nn
