#include "nn/checkpoint.h"

#include "nn/file.h"
#include "nn/json.h"

namespace nn {

Checkpoint read_safetensors(const std::filesystem::path& path) {
  SafetensorsFile file(path);
  Checkpoint checkpoint{{}, file.metadata()};
  for (const auto& [name, entry] : file.entries()) {
    Tensor& tensor = checkpoint.tensors[name] = Tensor(entry.shape);
    file.read(entry, tensor.span());
  }
  return checkpoint;
}

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
  SafetensorsFile stored(file);
  const auto check = [&](bool holds, const auto&... parts) {
    if (!holds)
      throw InputError(concat(file.string(), ": ", parts...),
                       "the checkpoint belongs to a model of another shape");
  };
  // First everything is checked, then read: a file that does not fit changes nothing.
  for (const Parameters::Piece& piece : parameters.pieces()) {
    const auto found = stored.entries().find(piece.name);
    check(found != stored.entries().end(), "there is no tensor ", piece.name);
    check(found->second.shape == piece.shape, piece.name, " has shape ", found->second.shape,
          ", the model's has ", piece.shape);
  }
  for (const auto& [name, entry] : stored.entries())
    check(parameters.find(name), "the model has no parameter ", name);
  for (const Parameters::Piece& piece : parameters.pieces())
    stored.read(stored.entries().at(piece.name),
                parameters.values().subspan(piece.offset, piece.shape.size()));
}

}  // namespace nn
