#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "nn/models/language_model.h"
#include "nn/tensor.h"

namespace nn {

// Reads a folder's config.json in Hugging Face's format, for any family in the table. Throws
// InputError naming a field that is missing, invalid or asks for an unsupported feature, such as
// rotary scaling.
LanguageModelConfig read_config(const std::filesystem::path& folder);
// The same from the JSON object; errors call it `name`.
LanguageModelConfig config_from_json(const nlohmann::json& object, const std::string& name);
// The text of config.json.
std::string config_text(const LanguageModelConfig& config);

// The fields of a JSON object in a file. Errors name the field. A null counts as a missing field.
class ConfigFields {
 public:
  ConfigFields(std::string where, nlohmann::json object)
      : where_(std::move(where)), object_(std::move(object)) {}

  bool has(const std::string& field) const;
  nlohmann::json get(const std::string& field) const;  // null if missing
  [[noreturn]] void refuse(const std::string& field, const std::string& wanted) const;

  // From 1 to 2^30, so that the product of two fits easily in 64 bits.
  index count(const std::string& field) const;
  index count(const std::string& field, index fallback) const;
  double positive(const std::string& field, double fallback) const;

  // Refuses unsupported values: the field must have the supported value or be missing.
  void allow_only(const std::string& field, const nlohmann::json& supported) const;
  ConfigFields inside(const std::string& field) const;  // an object; empty if missing

 private:
  std::string where_;
  nlohmann::json object_;
};

}  // namespace nn
