#include "nn/checkpoint.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "nn/file.h"
#include "nn/json.h"

namespace nn {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

using nlohmann::json;
constexpr std::uint64_t largest_header = 100'000'000;  // the reference reader's bound

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
};
constexpr Format formats[] = {
    {"F32", 4, [](const char* b, std::span<real> v) { convert_all<float>(b, v, std::identity{}); }},
    {"F64", 8,
     [](const char* b, std::span<real> v) { convert_all<double>(b, v, std::identity{}); }},
    {"F16", 2,
     [](const char* b, std::span<real> v) { convert_all<std::uint16_t>(b, v, from_half); }},
    {"BF16", 2,
     [](const char* b, std::span<real> v) { convert_all<std::uint16_t>(b, v, from_bfloat16); }},
};

// Reads one file; every complaint names it.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file), content_(read_file(file)) {}

  Checkpoint read() {
    std::uint64_t header_size = 0;
    check(content_.size() >= 8, "too short for a header");
    std::memcpy(&header_size, content_.data(), 8);
    check(header_size <= largest_header && header_size <= content_.size() - 8, "the header claims ",
          header_size, " bytes, the file has ", content_.size());
    const char* header = content_.data() + 8;
    check(header_size > 0 && header[0] == '{', "the header does not start with {");
    data_ = std::string_view(content_).substr(8 + header_size);

    Checkpoint checkpoint;
    const json entries = parse(header, header + header_size);
    for (const auto& [name, entry] : entries.items()) {
      if (name == "__metadata__")
        read_metadata(entry, checkpoint.metadata);
      else
        checkpoint.tensors.emplace(name, read_tensor(name, entry));
    }
    // What was read must be the data, all of it, once: no gaps, no overlaps.
    std::uint64_t end = 0;
    for (const auto& [first, last] : extents_) {
      check(first == end, "the data has a gap or an overlap at byte ", end);
      end = last;
    }
    check(end == data_.size(), data_.size() - end, " bytes of data belong to no tensor");
    return checkpoint;
  }

 private:
  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds)
      throw InputError(concat(file_.string(), ": ", parts...),
                       "is it a whole safetensors file, and not a link or a pointer to one?");
  }

  // JSON that names a key twice is legal for the parser; here it would hide a tensor.
  json parse(const char* begin, const char* end) const {
    std::vector<std::set<std::string>> keys;
    bool is_unique = true, is_shallow = true;
    const auto watch = [&](int depth, json::parse_event_t event, json& value) {
      is_shallow &= depth < 8;
      if (!is_shallow) return false;  // nothing more is kept, so that memory stays small
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key)
        is_unique &= keys.back().insert(value.get<std::string>()).second;
      return true;
    };
    // The parser would take a zero byte for the end, whatever follows.
    check(std::find(begin, end, '\0') == end, "the header is not JSON");
    json header = json::parse(begin, end, watch, /*allow_exceptions=*/false);
    check(is_shallow, "the header is nested too deeply");
    check(header.is_object(), "the header is not JSON");
    check(is_unique, "the header names a key twice");
    return header;
  }

  void read_metadata(const json& entry, Metadata& metadata) const {
    check(entry.is_object(), "__metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      check(value.is_string(), "the metadata ", key, " is not a string");
      metadata[key] = value.get<std::string>();
    }
  }

  Tensor read_tensor(const std::string& name, const json& entry) {
    check(entry.is_object() && entry.size() == 3 && entry.contains("dtype") &&
              entry.contains("shape") && entry.contains("data_offsets"),
          "tensor ", name, " does not have exactly dtype, shape and data_offsets");
    const json &dtype = entry["dtype"], &extents = entry["shape"], &offsets = entry["data_offsets"];
    const auto format = std::ranges::find_if(
        formats, [&](const Format& known) { return dtype.is_string() && dtype == known.name; });
    check(format != std::end(formats), "tensor ", name, " has the type ",
          dtype.is_string() ? dtype.get<std::string>() : dtype.type_name(),
          ", which is not F32, F64, F16 or BF16");
    check(extents.is_array() && extents.size() <= Shape::max_rank, "tensor ", name,
          " has a shape of more than ", Shape::max_rank, " dimensions");
    check(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          "tensor ", name, " does not have two data_offsets");
    const auto first = offsets[0].get<std::uint64_t>(), last = offsets[1].get<std::uint64_t>();
    check(first <= last && last <= data_.size(), "tensor ", name, " lies outside the data");

    std::vector<index> shape;
    std::uint64_t bytes = format->size;
    for (const json& extent : extents) {
      check(extent.is_number_unsigned(), "tensor ", name, " has a shape that is not of numbers");
      const auto size = extent.get<std::uint64_t>();
      check(size <= data_.size() && !__builtin_mul_overflow(bytes, size, &bytes), "tensor ", name,
            " is larger than the file");
      shape.push_back(static_cast<index>(size));
    }
    check(bytes == last - first, "tensor ", name, " has ", last - first, " bytes, its shape needs ",
          bytes);
    extents_.emplace(first, last);
    Tensor tensor{Shape(shape)};
    format->convert(data_.data() + first, tensor.span());
    return tensor;
  }

  std::filesystem::path file_;
  std::string content_;
  std::string_view data_;
  std::multiset<std::pair<std::uint64_t, std::uint64_t>> extents_;
};

}  // namespace

Checkpoint read_safetensors(const std::filesystem::path& file) { return Reader(file).read(); }

void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata) {
  std::string text = "{";
  const auto entry = [&](const std::string& key) -> std::string& {
    return text += (text.size() > 1 ? "," : "") + json_quote(key) + ':';
  };
  if (!metadata.empty()) {
    std::string pairs;
    for (const auto& [key, value] : metadata)
      pairs += (pairs.empty() ? "" : ",") + json_quote(key) + ':' + json_quote(value);
    entry("__metadata__") += '{' + pairs + '}';
  }
  for (const auto& [name, shape, offset] : parameters.pieces()) {
    std::string extents;
    for (index extent : shape.extents())
      extents += (extents.empty() ? "" : ",") + std::to_string(extent);
    entry(name) += concat("{\"dtype\":\"", sizeof(real) == 4 ? "F32" : "F64", "\",\"shape\":[",
                          extents, "],\"data_offsets\":[", offset * sizeof(real), ',',
                          (offset + shape.size()) * sizeof(real), "]}");
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts aligned

  const std::uint64_t size = text.size();
  std::string content(reinterpret_cast<const char*>(&size), sizeof size);
  content += text;
  const auto bytes = std::as_bytes(parameters.values());
  content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  write_file_atomically(file, content);
}

void load_parameters(const std::filesystem::path& file, Parameters& parameters) {
  const Checkpoint checkpoint = read_safetensors(file);
  const auto check = [&](bool holds, const auto&... parts) {
    if (!holds)
      throw InputError(concat(file.string(), ": ", parts...),
                       "the checkpoint belongs to a model of another shape");
  };
  // First everything is checked, then copied: a file that does not fit changes nothing.
  for (const Parameters::Piece& piece : parameters.pieces()) {
    const auto found = checkpoint.tensors.find(piece.name);
    check(found != checkpoint.tensors.end(), "there is no tensor ", piece.name);
    check(found->second.shape() == piece.shape, piece.name, " has shape ", found->second.shape(),
          ", the model's has ", piece.shape);
  }
  for (const auto& [name, tensor] : checkpoint.tensors)
    check(parameters.find(name), "the model has no parameter ", name);
  for (const Parameters::Piece& piece : parameters.pieces())
    std::ranges::copy(checkpoint.tensors.at(piece.name).span(),
                      parameters.values().begin() + piece.offset);
}

}  // namespace nn
