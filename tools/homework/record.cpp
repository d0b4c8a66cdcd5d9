#include "tools/homework/record.h"

#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/base/file.h"
#include "nn/base/json.h"
#include "nn/base/seal.h"

namespace homework {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format = 1;

// Resident memory of this process at its largest, in units of 10^6 bytes.
long peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024 / 1'000'000;
}

std::string word(fl::LabelSort sort) {
  return sort == fl::LabelSort::stable ? "stable" : "introsort";
}
std::string word(nn::DropoutStream stream) {
  return stream == nn::DropoutStream::mkl ? "mkl" : "mt";
}

Json json_of(const fl::Round& round) {
  Json excluded = Json::array();
  for (const auto& [client, reason] : round.excluded)
    excluded.push_back({{"client", client}, {"reason", reason}});
  return {{"round", round.number},
          {"message_count", round.messages},
          {"test_accuracy", round.accuracy},
          {"ideal_seconds", round.ideal_seconds},
          {"seconds", round.seconds},
          {"clients", round.chosen},
          {"left_out", excluded}};
}

fl::Round round_of(const nlohmann::json& json) {
  fl::Round round{json.at("round"),         json.at("test_accuracy"), json.at("message_count"),
                  json.at("ideal_seconds"), json.at("seconds"),       {},
                  json.at("clients")};
  for (const nlohmann::json& out : json.at("left_out"))
    round.excluded.push_back({out.at("client"), out.at("reason")});
  return round;
}

Json json_of(const Run& run) {
  constexpr const char* splits[] = {"iid", "shards", "dirichlet"};
  const Experiment& e = run.experiment;
  Json json = {{"algorithm", e.algorithm}};
  if (!e.options.empty()) json["options"] = e.options;
  json.update({{"model", e.model},
               {"clients", e.clients},
               {"fraction", e.fraction},
               {"batch", e.training.batch == 0 ? Json() : Json(e.training.batch)},
               {"epochs", e.training.epochs},
               {"learning_rate", e.training.learning_rate},
               {"split", splits[static_cast<int>(e.partition.split)]},
               {"alpha", e.partition.alpha},
               {"sort", word(e.partition.sort)},
               {"dropout_rng", word(e.dropout)},
               {"seed", e.seed},
               {"planned_rounds", e.rounds},
               {"rounds", Json::array()}});
  for (const fl::Round& round : run.rounds) json["rounds"].push_back(json_of(round));
  return json;
}

Json json_of(std::span<const Run> runs, std::span<const std::string> names) {
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

Setting setting_of(const nlohmann::json& json) {
  Setting setting;
  setting.base.model = json.at("model");
  setting.base.seed = json.at("seed");
  if (json.at("sort") == word(fl::LabelSort::stable))
    setting.base.partition.sort = fl::LabelSort::stable;
  if (json.at("dropout_rng") == word(nn::DropoutStream::mkl))
    setting.base.dropout = nn::DropoutStream::mkl;
  if (const auto& rounds = json.at("rounds"); !rounds.is_null()) setting.rounds = rounds;
  return setting;
}

bool is_whole(const Run& run) {
  for (std::size_t i = 0; i < run.rounds.size(); ++i)
    if (run.rounds[i].number != static_cast<int>(i) + 1 || !(run.rounds[i].accuracy >= 0) ||
        !(run.rounds[i].accuracy <= 100))
      return false;
  return !run.rounds.empty() && std::ssize(run.rounds) == run.experiment.rounds;
}

}  // namespace

std::vector<std::string> Outcome::names() const {
  std::vector<std::string> names;
  for (const Curve& curve : exercise->curves(setting)) names.push_back(curve.name);
  return names;
}

std::string to_json(const Run& run, const nn::Metadata& made) {
  Json json = {{"format", format}, {"made", made}, {"peak_memory_mb", peak_memory_mb()}};
  json.update(json_of(run));
  return text_of(json);
}

std::string to_json(std::span<const Run> runs, std::span<const std::string> names,
                    const nn::Metadata& made) {
  return text_of({{"format", format}, {"made", made}, {"runs", json_of(runs, names)}});
}

std::string to_json(const Outcome& outcome) {
  const Experiment& base = outcome.setting.base;
  const std::optional<int>& rounds = outcome.setting.rounds;
  return nn::sealed(text_of({{"format", format},
                             {"exercise", outcome.exercise->name},
                             {"made", outcome.made},
                             {"setting",
                              {{"model", base.model},
                               {"seed", base.seed},
                               {"sort", word(base.partition.sort)},
                               {"dropout_rng", word(base.dropout)},
                               {"rounds", rounds ? Json(*rounds) : Json()}}},
                             {"runs", json_of(outcome.runs, outcome.names())},
                             {"checksum", nn::no_checksum}}));
}

Outcome parse_outcome(const std::string& text, const std::string& name, const Exercise& exercise) {
  const std::string hint = nn::concat("hw1 ", exercise.name, " makes it anew");
  const auto refuse = [&](const std::string& reason) { throw nn::InputError(name + reason, hint); };
  nlohmann::json json = nn::parse_json_object(text, name, hint);
  if (const auto found = json.find("format"); found == json.end() || *found != format)
    refuse(nn::concat(" is of format ", found == json.end() ? "?" : nn::json_shown(*found),
                      ", not ", format));
  Outcome outcome{&exercise, {}, {}, {}, nn::is_intact(text)};
  bool is_same = false;
  try {
    outcome.made = json.at("made").get<nn::Metadata>();
    outcome.setting = setting_of(json.at("setting"));
    for (const Curve& curve : exercise.curves(outcome.setting)) {
      Run& run = outcome.runs.emplace_back(Run{settled(curve.experiment), {}});
      for (const nlohmann::json& round : json.at("runs").at(outcome.runs.size() - 1).at("rounds"))
        run.rounds.push_back(round_of(round));
    }
    // Nothing in it is of another type, out of range, missing or surplus.
    nlohmann::json same = nlohmann::json::parse(to_json(outcome));
    for (nlohmann::json* each : {&same, &json}) each->erase("checksum");
    is_same = same == json;
  } catch (const nlohmann::json::exception&) {
  }
  if (!is_same || !std::ranges::all_of(outcome.runs, is_whole))
    refuse(nn::concat(" does not hold the runs of ", exercise.name, " as this version makes them"));
  return outcome;
}

Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise) {
  constexpr std::size_t most_bytes = 20'000'000;
  return parse_outcome(nn::read_file(file, most_bytes), file.string(), exercise);
}

report::Facts facts_about(std::span<const Run> runs, const nn::Metadata& made) {
  report::Facts facts{made};
  const auto add = [&](const char* name, const std::string& value) {
    std::string& all = facts.values[name];
    if ((", " + all + ", ").find(", " + value + ", ") == all.npos)
      all += (all.empty() ? "" : ", ") + value;
  };
  for (const auto& [e, rounds] : runs) {
    add("model", e.model);
    add("seed", std::to_string(e.seed));
    if (const std::string options = option_text(e); !options.empty()) add("options", options);
    add("split", split_name(e.partition));
    add("dropout-rng", word(e.dropout));
    add("rounds", std::to_string(e.rounds));
  }
  return facts;
}

}  // namespace homework
