#include "nn/models/config.h"

#include <cstdint>
#include <filesystem>
#include <string>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/models/language_model.h"
#include "nn/tensor.h"

namespace nn {

namespace {

using nlohmann::json;

constexpr const char* config_hint =
    "check that the folder holds a Hugging Face model of a supported kind";

}  // namespace

LanguageModelConfig read_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  return config_from_json(read_json_object(path, config_hint), path.string());
}

LanguageModelConfig config_from_json(const json& object, const std::string& name) {
  const ConfigFields fields(name, object);
  const json type = fields.get("model_type");
  const ModelFamily* family = type.is_string() ? find_family(type.get<std::string>()) : nullptr;
  if (!family) fields.refuse("model_type", "it must be " + family_names());
  fields.allow_only("quantization_config", nullptr);
  LanguageModelConfig config;
  config.family = family;
  family->read(fields, config);
  try {
    require_valid(config);
  } catch (const Error& error) {
    throw InputError(concat(name, ": ", error.what()), config_hint);
  }
  fields.allow_only("head_dim", config.head_size());
  return config;
}

std::string config_text(const LanguageModelConfig& config) {
  return config.kind().write(config).dump(2) + '\n';
}

bool ConfigFields::has(const std::string& field) const {
  return object_.contains(field) && !object_.at(field).is_null();
}

json ConfigFields::get(const std::string& field) const {
  return has(field) ? object_.at(field) : json();
}

void ConfigFields::refuse(const std::string& field, const std::string& wanted) const {
  const std::string state = has(field) ? " is " + json_shown(get(field)) : " is missing";
  throw InputError(concat(where_, ": ", field, state), wanted);
}

index ConfigFields::count(const std::string& field) const {
  constexpr std::uint64_t largest = 1 << 30;
  const json value = get(field);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() - 1 >= largest)
    refuse(field, concat("it must be a whole number from 1 to ", largest));
  return value.get<index>();
}

index ConfigFields::count(const std::string& field, index fallback) const {
  return has(field) ? count(field) : fallback;
}

double ConfigFields::positive(const std::string& field, double fallback) const {
  if (!has(field)) return fallback;
  const json value = get(field);
  if (!value.is_number() || !(value.get<double>() > 0))
    refuse(field, "it must be a number above 0");
  return value.get<double>();
}

void ConfigFields::allow_only(const std::string& field, const json& supported) const {
  if (has(field) && get(field) != supported)
    refuse(field, supported.is_null() ? "models that use it are not supported"
                                      : concat("only ", supported.dump(), " is supported"));
}

ConfigFields ConfigFields::inside(const std::string& field) const {
  const json value = has(field) ? get(field) : json::object();
  if (!value.is_object()) refuse(field, "it must be an object");
  return {concat(where_, ": ", field), value};
}

}  // namespace nn
