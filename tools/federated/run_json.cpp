#include "tools/federated/run_json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "nn/base/number.h"
#include "tools/federated/extras.h"
#include "tools/federated/split_name.h"
#include "tools/federated/target.h"
#include "tools/program/dropout_rng.h"
#include "tools/program/peak_memory.h"

namespace federated {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const fl::Round& round) {
  Json excluded = Json::array();
  for (const auto& [client, reason] : round.excluded)
    excluded.push_back({{"client", client}, {"reason", reason}});
  Json json = {{"round", round.number},
               {"message_count", round.messages},
               {"test_accuracy", round.accuracy},  // null: not tested
               {"ideal_seconds", round.ideal_seconds},
               {"seconds", round.seconds},
               {"clients", round.chosen},
               {"excluded", excluded}};
  if (!round.measures.empty()) json["measures"] = round.measures;  // null: not a number
  if (!round.selected.empty()) json["selected"] = round.selected;
  return json;
}

// JSON's null stands for NaN.
double number_or_nan(const nlohmann::json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

}  // namespace

std::string word_for(fl::LabelSort sort) {
  return sort == fl::LabelSort::stable ? "stable" : "introsort";
}

fl::Round round_of(const nlohmann::json& json) {
  fl::Round round{json.at("round"),         number_or_nan(json.at("test_accuracy")),
                  json.at("message_count"), json.at("ideal_seconds"),
                  json.at("seconds"),       {},
                  json.at("clients")};
  const bool is_old = json.contains("left_out");  // what the list was called once
  for (const nlohmann::json& out : json.at(is_old ? "left_out" : "excluded"))
    round.excluded.push_back({out.at("client"), out.at("reason")});
  if (const auto found = json.find("measures"); found != json.end())
    for (const auto& [name, value] : found->items()) round.measures[name] = number_or_nan(value);
  if (const auto found = json.find("selected"); found != json.end())
    round.selected = found->get<std::vector<int>>();
  return round;
}

nlohmann::ordered_json json_of(const Run& run) {
  const Experiment& e = run.experiment;
  Json json = {{"algorithm", e.algorithm}};
  if (!e.options.empty()) json["options"] = e.options;
  json.update({{"model", e.model},
               {"clients", e.clients},
               {"fraction", e.fraction},
               {"batch", e.training.batch == 0 ? Json() : Json(e.training.batch)},
               {"epochs", e.training.epochs},
               {"learning_rate", e.training.learning_rate},
               {"split", fl::name_of(e.partition.split)},
               {"alpha", e.partition.alpha},
               {"sort", word_for(e.partition.sort)},
               {"dropout_rng", tools::name_of(e.dropout)},
               {"seed", e.seed},
               {"planned_rounds", e.rounds},
               {"rounds", Json::array()}});
  if (e.partition.split == fl::Split::labels)
    json["labels_per_client"] = e.partition.labels_per_client;
  if (e.partition.split == fl::Split::feature_noise)
    json["feature_noise"] = e.partition.feature_noise;
  for (const Extra& extra : extras())
    if (const auto text = extra.text(e)) {
      std::string key(extra.name);
      std::ranges::replace(key, '-', '_');
      const auto number = nn::parse_number<double>(*text);
      json[key] = number ? Json(*number) : text->empty() ? Json(true) : Json(*text);
    }
  if (e.target) {
    const std::optional<int> reached = rounds_to_target(run);
    json["target"] = {{"accuracy", *e.target}, {"round", reached ? Json(*reached) : Json()}};
    if (e.stops_at_target) json["target"]["stops"] = true;
  }
  for (const fl::Round& round : run.rounds) json["rounds"].push_back(json_of(round));
  if (!run.confusion.empty()) json["confusion"] = run.confusion;
  return json;
}

nlohmann::ordered_json json_of(std::span<const Run> runs, std::span<const std::string> names) {
  Json json = Json::array();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Json run = {{"curve", names[i]}};
    run.update(json_of(runs[i]));
    json.push_back(run);
  }
  return json;
}

std::string text_of(const Json& json) {
  return json.dump(1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + '\n';
}

std::string to_json(const Run& run, const nn::Metadata& made) {
  Json json = {{"format", json_format},
               {"made", made},
               {"peak_memory_mb", tools::peak_memory() / 1'000'000}};
  json.update(json_of(run));
  return text_of(json);
}

std::string to_json(std::span<const Run> runs, std::span<const std::string> names,
                    const nn::Metadata& made) {
  return text_of({{"format", json_format}, {"made", made}, {"runs", json_of(runs, names)}});
}

report::Facts facts_about(std::span<const Run> runs, const nn::Metadata& made) {
  report::Facts facts{made};
  const auto add = [&](const char* name, const std::string& value) {
    std::string& all = facts.values[name];
    if ((", " + all + ", ").find(", " + value + ", ") == all.npos)
      all += (all.empty() ? "" : ", ") + value;
  };
  for (const Run& run : runs) {
    const Experiment& e = run.experiment;
    add("model", e.model);
    add("seed", std::to_string(e.seed));
    if (const std::string options = option_text(e); !options.empty()) add("options", options);
    add("split", split_name(e.partition));
    add("dropout-rng", tools::name_of(e.dropout));
    add("rounds", std::to_string(e.rounds));
  }
  return facts;
}

}  // namespace federated
