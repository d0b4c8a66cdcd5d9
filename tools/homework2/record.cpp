#include "tools/homework2/record.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"
#include "nn/base/seal.h"
#include "tools/federated/results.h"
#include "tools/federated/run_json.h"

namespace homework2 {

namespace {

constexpr int record_format = 1;

void write_epochs(std::ostream& out, const std::string& first_cell, const Curve& curve,
                  bool has_accuracy) {
  for (std::size_t i = 0; i < curve.loss.size(); ++i) {
    out << first_cell << i << ',';
    if (has_accuracy)
      out << (curve.accuracy.empty() ? "" : federated::number(curve.accuracy[i])) << ',';
    out << federated::number(curve.loss[i]) << '\n';
  }
}

// JSON has no NaN: nlohmann writes null.
std::vector<double> numbers_of(const nlohmann::json& json) {
  std::vector<double> numbers;
  for (const nlohmann::json& each : json)
    numbers.push_back(each.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                     : each.get<double>());
  return numbers;
}

bool is_whole(const Curve& curve) {
  return !curve.loss.empty() &&
         (curve.accuracy.empty() || curve.accuracy.size() == curve.loss.size());
}

std::string hint_for(const Exercise& exercise) {
  return nn::concat("hw2 ", exercise.name, " makes it again");
}

[[noreturn]] void throw_incomplete(const std::filesystem::path& file, const Exercise& exercise) {
  throw nn::InputError(nn::concat(file.string(), " does not hold the runs of ", exercise.name),
                       hint_for(exercise));
}

}  // namespace

std::string to_json(const Outcome& outcome) {
  nlohmann::ordered_json curves = nlohmann::ordered_json::array();
  for (const Curve& curve : outcome.curves)
    curves.push_back({{"name", curve.name},
                      {"loss", curve.loss},
                      {"accuracy", curve.accuracy},
                      {"measures", curve.measures},
                      {"features", curve.features}});
  return nn::sealed(federated::text_of({{"format", record_format},
                                        {"exercise", outcome.exercise->name},
                                        {"made", outcome.made},
                                        {"curves", curves},
                                        {"checksum", nn::no_checksum}}));
}

Outcome read_record(const std::filesystem::path& file, const Exercise& exercise) {
  constexpr std::size_t most_bytes = 20'000'000;
  const std::string text = nn::read_file(file, most_bytes), hint = hint_for(exercise);
  if (!nn::is_intact(text))
    throw nn::InputError(file.string() + " was edited: its checksum is missing or wrong", hint);
  const nlohmann::json json = nn::parse_json_object(text, file.string(), hint);
  try {
    if (json.at("format") != record_format || json.at("exercise") != exercise.name)
      throw nn::InputError(file.string() + " is of another version or exercise", hint);
    Outcome outcome{&exercise, json.at("made").get<nn::Metadata>(), {}};
    for (const nlohmann::json& each : json.at("curves"))
      outcome.curves.push_back(
          {each.at("name"), numbers_of(each.at("loss")), numbers_of(each.at("accuracy")),
           each.at("measures").get<std::map<std::string, double>>(), each.at("features")});
    if (!outcome.curves.empty() && std::ranges::all_of(outcome.curves, is_whole)) return outcome;
  } catch (const nlohmann::json::exception&) {  // something is missing
  }
  throw_incomplete(file, exercise);
}

Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise) {
  Outcome outcome = read_record(file, exercise);
  try {
    exercise.write(outcome.curves);     // all that it needs is there
  } catch (const std::out_of_range&) {  // such as a measure
    throw_incomplete(file, exercise);
  }
  return outcome;
}

std::string to_csv(std::span<const Curve> curves) {
  std::ostringstream csv;
  csv << "Curve,Epoch,Train accuracy,Loss\n";
  for (const Curve& curve : curves) write_epochs(csv, nn::csv_cell(curve.name) + ',', curve, true);
  return csv.str();
}

std::string to_csv(const Curve& curve) {
  const bool has_accuracy = !curve.accuracy.empty();
  std::ostringstream csv;
  csv << (has_accuracy ? "Epoch,Train accuracy,Loss\n" : "Epoch,Loss\n");
  write_epochs(csv, "", curve, has_accuracy);
  return csv.str();
}

}  // namespace homework2
