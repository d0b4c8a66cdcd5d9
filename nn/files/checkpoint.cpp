#include "nn/files/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"
#include "nn/files/safetensors.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

namespace {

template <class Number, class AnyParameters>
std::vector<NamedNumbers<Number>> tensors_of(AnyParameters& parameters) {
  std::vector<NamedNumbers<Number>> tensors;
  for (const auto& [name, shape, offset] : parameters.infos())
    tensors.push_back({name, shape, parameters.values().subspan(offset, shape.size())});
  for (const auto& [name, shape, offset, is_integer] : parameters.buffer_infos())
    tensors.push_back(
        {name, shape, parameters.buffers().subspan(offset, shape.size()), is_integer});
  return tensors;
}

std::vector<std::int64_t> to_integers(std::span<const real> numbers) {
  std::vector<std::int64_t> integers;
  for (real number : numbers) {
    require(std::abs(number) < 0x1p62, "safetensors: ", number, " does not fit an I64");
    integers.push_back(std::llround(number));
  }
  return integers;
}

}  // namespace

Checkpoint read_safetensors(const std::filesystem::path& path) {
  SafetensorsFile file(path);
  Checkpoint checkpoint{{}, file.metadata()};
  for (const auto& [name, entry] : file.entries()) {
    Tensor& tensor = checkpoint.tensors[name] = Tensor(entry.shape);
    file.read(entry, tensor.span());
  }
  return checkpoint;
}

SafetensorsContent::SafetensorsContent(std::span<const SavedTensor> tensors,
                                       const Metadata& metadata)
    : header_(8, '\0'), parts_(1) {
  const auto entry = [&](const std::string& key) -> std::string& {
    return header_ += (header_.size() > 8 ? "," : "{") + json_quote(key) + ':';
  };
  if (!metadata.empty()) {
    std::string pairs;
    for (const auto& [key, value] : metadata)
      pairs += (pairs.empty() ? "" : ",") + json_quote(key) + ':' + json_quote(value);
    entry("__metadata__") += '{' + pairs + '}';
  }
  std::size_t offset = 0;
  const auto add = [&](const SavedTensor& tensor, const char* type, auto numbers) {
    require(static_cast<index>(numbers.size()) == tensor.shape.size(),
            "safetensors: ", numbers.size(), " numbers do not fill ", tensor.shape);
    std::string extents;
    for (index extent : tensor.shape.extents())
      extents += (extents.empty() ? "" : ",") + std::to_string(extent);
    entry(tensor.name) +=
        concat("{\"dtype\":\"", type, "\",\"shape\":[", extents, "],\"data_offsets\":[", offset,
               ',', offset + numbers.size_bytes(), "]}");
    offset += numbers.size_bytes();
    parts_.emplace_back(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  };
  for (const SavedTensor& tensor : tensors)
    if (tensor.is_integer)
      add(tensor, "I64", std::span(integers_.emplace_back(to_integers(tensor.numbers))));
  for (const SavedTensor& tensor : tensors)
    if (!tensor.is_integer) add(tensor, sizeof(real) == 4 ? "F32" : "F64", tensor.numbers);
  header_ += header_.size() > 8 ? "}" : "{}";
  header_.resize((header_.size() + 7) / 8 * 8, ' ');  // the data starts aligned
  const std::uint64_t size = header_.size() - 8;
  std::ranges::copy(std::as_bytes(std::span(&size, 1)),
                    std::as_writable_bytes(std::span(header_)).begin());
  parts_[0] = header_;
}

SafetensorsContent::SafetensorsContent(const Parameters& parameters, const Metadata& metadata)
    : SafetensorsContent(tensors_of<const real>(parameters), metadata) {}

void write_safetensors(const std::filesystem::path& file, const Parameters& parameters,
                       const Metadata& metadata) {
  write_file_atomically(file, SafetensorsContent(parameters, metadata).parts());
}

void load_tensors(SafetensorsFile& file, std::span<const LoadedTensor> tensors) {
  const auto check = [&](bool holds, const auto&... parts) {
    if (!holds)
      throw InputError(concat(file.name(), ": ", parts...),
                       "the checkpoint belongs to a model with another shape");
  };
  std::set<std::string_view> names;
  for (const LoadedTensor& tensor : tensors) {
    names.insert(tensor.name);
    const auto found = file.entries().find(tensor.name);
    check(found != file.entries().end(), "there is no tensor ", tensor.name);
    check(found->second.shape == tensor.shape, tensor.name, " has shape ", found->second.shape,
          ", the model's has ", tensor.shape);
    check(found->second.is_integer == tensor.is_integer, tensor.name, " holds ",
          tensor.is_integer ? "floats, the model's holds integers"
                            : "integers, the model's holds floats");
  }
  for (const auto& [name, entry] : file.entries())
    check(names.contains(name), "the model has no parameter ", json_quote(name));
  for (const LoadedTensor& tensor : tensors) {
    const SafetensorsFile::Entry& entry = file.entries().at(tensor.name);
    tensor.is_integer ? file.read_integers(entry, tensor.numbers)
                      : file.read(entry, tensor.numbers);
  }
}

void load_parameters(const std::filesystem::path& path, Parameters& parameters) {
  SafetensorsFile file(path);
  load_tensors(file, tensors_of<real>(parameters));
}

}  // namespace nn
