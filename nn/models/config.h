#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "nn/models/language_model.h"

namespace nn {

// The configuration in a folder's config.json, as Hugging Face has it, of any family in the table.
// Throws InputError naming a field that is missing, has a wrong value or asks for what our model
// cannot do (rotary scaling, ...).
LanguageModelConfig read_config(const std::filesystem::path& folder);
// The same from the JSON in it; complaints call it `name`.
LanguageModelConfig config_from_json(const nlohmann::json& object, const std::string& name);
// The text of config.json.
std::string config_text(const LanguageModelConfig& config);

// The fields of a JSON object in a file; every complaint names one. A null is as good as no field.
class ConfigFields {
 public:
  ConfigFields(std::string where, nlohmann::json object)
      : where_(std::move(where)), object_(std::move(object)) {}

  bool has(const std::string& field) const;
  nlohmann::json get(const std::string& field) const;  // null if there is none
  [[noreturn]] void refuse(const std::string& field, const std::string& wanted) const;

  // From 1 to 2^30, so that the product of two fits 64 bits with room to spare.
  index count(const std::string& field) const;
  index count(const std::string& field, index fallback) const;
  double positive(const std::string& field, double fallback) const;

  // Refuses what our model has not: the field must be as we do it, or not be there.
  void allow_only(const std::string& field, const nlohmann::json& supported) const;
  ConfigFields inside(const std::string& field) const;  // an object; empty if there is none

 private:
  std::string where_;
  nlohmann::json object_;
};

}  // namespace nn
