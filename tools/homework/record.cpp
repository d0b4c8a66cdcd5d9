#include "tools/homework/record.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "nn/base/file.h"
#include "nn/base/json.h"
#include "nn/base/seal.h"
#include "tools/program/dropout_rng.h"

namespace homework {

namespace {

using Json = nlohmann::ordered_json;

Setting setting_of(const nlohmann::json& json) {
  Setting setting;
  setting.base.model = json.at("model");
  setting.base.seed = json.at("seed");
  if (json.at("sort") == word_for(fl::LabelSort::stable))
    setting.base.partition.sort = fl::LabelSort::stable;
  if (json.at("dropout_rng") == tools::name_of(nn::DropoutStream::mkl))
    setting.base.dropout = nn::DropoutStream::mkl;
  if (json.contains("precision"))
    setting.base.precision =
        nn::with_numbers(json.at("precision").get<std::string>()).value_or(nn::Precision::full);
  if (const auto& rounds = json.at("rounds"); !rounds.is_null()) setting.rounds = rounds;
  return setting;
}

bool is_square(const std::vector<int>& matrix) {
  const std::size_t classes = std::lround(std::sqrt(matrix.size()));
  return classes * classes == matrix.size() &&
         std::ranges::all_of(matrix, [](int count) { return count >= 0; });
}

bool is_whole(const Run& run) {
  for (std::size_t i = 0; i < run.rounds.size(); ++i)
    if (run.rounds[i].number != static_cast<int>(i) + 1 || !(run.rounds[i].accuracy >= 0) ||
        !(run.rounds[i].accuracy <= 100))
      return false;
  return is_square(run.confusion) && !run.rounds.empty() &&
         std::ssize(run.rounds) == run.experiment.rounds;
}

}  // namespace

std::vector<std::string> Outcome::names() const {
  std::vector<std::string> names;
  for (const Curve& curve : exercise->curves(setting)) names.push_back(curve.name);
  return names;
}

std::string to_json(const Outcome& outcome) {
  const Experiment& base = outcome.setting.base;
  const std::optional<int>& rounds = outcome.setting.rounds;
  Json setting = {{"model", base.model},
                  {"seed", base.seed},
                  {"sort", word_for(base.partition.sort)},
                  {"dropout_rng", tools::name_of(base.dropout)},
                  {"rounds", rounds ? Json(*rounds) : Json()}};
  if (base.precision != nn::Precision::full) setting["precision"] = nn::numbers_of(base.precision);
  return nn::sealed(text_of({{"format", json_format},
                             {"exercise", outcome.exercise->name},
                             {"made", outcome.made},
                             {"setting", setting},
                             {"runs", json_of(outcome.runs, outcome.names())},
                             {"checksum", nn::no_checksum}}));
}

Outcome parse_outcome(const std::string& text, const std::string& name, const Exercise& exercise) {
  const std::string hint = nn::concat(exercise.program, ' ', exercise.name, " makes it again");
  const auto refuse = [&](const std::string& reason) { throw nn::InputError(name + reason, hint); };
  nlohmann::json json = nn::parse_json_object(text, name, hint);
  if (const auto found = json.find("format"); found == json.end() || *found != json_format)
    refuse(nn::concat(" is of format ", found == json.end() ? "?" : nn::json_shown(*found),
                      ", not ", json_format));
  Outcome outcome{&exercise, {}, {}, {}, nn::is_intact(text)};
  bool is_same = false;
  try {
    outcome.made = json.at("made").get<nn::Metadata>();
    outcome.setting = setting_of(json.at("setting"));
    for (const Curve& curve : exercise.curves(outcome.setting)) {
      Run& run = outcome.runs.emplace_back(Run{settled(curve.experiment), {}});
      for (const nlohmann::json& round : json.at("runs").at(outcome.runs.size() - 1).at("rounds"))
        run.rounds.push_back(round_of(round));
      if (const nlohmann::json& all = json.at("runs").at(outcome.runs.size() - 1);
          all.contains("confusion"))
        run.confusion = all.at("confusion").get<std::vector<int>>();
    }
    // Nothing in it has the wrong type, is out of range, missing or surplus.
    nlohmann::json same = nlohmann::json::parse(to_json(outcome));
    for (nlohmann::json* each : {&same, &json}) each->erase("checksum");
    is_same = same == json;
  } catch (const nlohmann::json::exception&) {
    is_same = false;
  }
  if (!is_same || !std::ranges::all_of(outcome.runs, is_whole))
    refuse(nn::concat(" does not hold the runs of ", exercise.name, " as this version makes them"));
  return outcome;
}

Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise) {
  constexpr std::size_t most_bytes = 20'000'000;
  return parse_outcome(nn::read_file(file, most_bytes), file.string(), exercise);
}

}  // namespace homework
