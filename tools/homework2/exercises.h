#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/tables/table.h"
#include "nn/dropout_masks.h"
#include "tools/report/document.h"

// Lab 2 and homework 2 of the course: vertical federated learning and generative models.
namespace homework2 {

struct Setting {
  std::uint64_t seed = 42;
  nn::DropoutStream stream = nn::DropoutStream::mt;
  std::optional<int> epochs;  // instead of the exercise's own
};

// One training run.
struct Curve {
  std::string name;                             // unique in its exercise
  std::vector<double> loss;                     // of each epoch
  std::vector<double> accuracy = {};            // likewise, percent of the training rows; or empty
  std::map<std::string, double> measures = {};  // after training: "Test accuracy"
  std::string features = {};                    // of each client: "age sex cp | trestbps chol fbs"
};

using MakeCurves = std::function<std::vector<Curve>()>;

// What an exercise works with.
struct ExerciseContext {
  Setting setting;
  data::Table table;  // heart.csv, not scaled
  // Called after each epoch of a curve. Throws tools::Stopped if the user asked for it.
  std::function<void(const std::string& curve, int done, int epochs)> on_epoch;
  // The curves of these names: those kept by a run that was stopped, or else what `make` returns.
  std::function<std::vector<Curve>(std::span<const std::string> names, const MakeCurves& make)>
      keep = [](std::span<const std::string>, const MakeCurves& make) { return make(); };

  Curve keep_one(const std::string& name, const std::function<Curve()>& make) const;
};

struct Exercise {
  std::string_view name, description;
  std::vector<Curve> (*run)(const ExerciseContext&);
  // Throws nn::InputError if a curve is missing.
  report::Document (*write)(std::span<const Curve>);
};
std::span<const Exercise> exercises();

// lab.cpp: split learning as in the course's notebook, and what its quirks cost.
std::vector<Curve> run_lab(const ExerciseContext&);
report::Document write_lab(std::span<const Curve>);
// ex1.cpp: three permutations of the features.
std::vector<Curve> run_ex1(const ExerciseContext&);
report::Document write_ex1(std::span<const Curve>);
// ex2.cpp: more clients, and a policy for dealing out features.
std::vector<Curve> run_ex2(const ExerciseContext&);
report::Document write_ex2(std::span<const Curve>);
// ex3.cpp: clients' encoders, the server's VAE and clients' decoders as one network.
std::vector<Curve> run_ex3(const ExerciseContext&);
report::Document write_ex3(std::span<const Curve>);

// The curve of this name. Throws nn::InputError if there is none.
const Curve& named(std::span<const Curve> curves, std::string_view name);

// Adds the notebook's code and the plot of the losses of curves[first .. first + count).
void add_losses(std::string_view exercise, const char* file, const char* title,
                std::span<const Curve> curves, report::Document& document);
// Adds a table with a row for each curve: last loss, last accuracy and the measures of the first.
void add_table(const char* caption, std::span<const Curve> curves, report::Document& document);

}  // namespace homework2
