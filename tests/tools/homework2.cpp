#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/file.h"
#include "nn/numpy.h"
#include "tests/complaint.h"
#include "tests/nn/goldens.h"
#include "tools/homework2/generative.h"
#include "tools/homework2/record.h"
#include "tools/homework2/run.h"
#include "tools/homework2/unfinished_curves.h"
#include "tools/program/program.h"
#include "tools/program/temporary_folder.h"

namespace homework2 {

namespace {

bool has_heart() {
  if (std::filesystem::exists("data/raw/heart/heart.csv")) return true;
  MESSAGE("left out, no data/raw/heart: data/fetch.sh heart brings it");
  return false;
}

ExerciseContext context_of(std::uint64_t seed, int epochs) {
  return {{.seed = seed, .epochs = epochs},
          read_heart("data/raw/heart"),
          [](const std::string&, int, int) {}};
}

TEST_CASE("a permutation is that of NumPy's RandomState") {
  CHECK(nn::numpy::legacy_permutation(42, 10) == std::vector{8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
}

TEST_CASE("the lab's VAE has PyTorch's losses in its first epochs") {
  if (!has_heart()) return;
  for (const nlohmann::json& golden : tests::goldens("tabular_vae.json", "runs")) {
    const std::vector<Curve> curves = run_generative(context_of(golden["seed"], 20));
    const Curve& vae = named(curves, "VAE");
    for (std::size_t epoch = 0; epoch < 20; ++epoch) {
      CAPTURE(epoch);
      CHECK(vae.loss[epoch] == doctest::Approx(golden["loss"][epoch].get<double>()).epsilon(1e-3));
    }
  }
}

TEST_CASE("every exercise is written up from few epochs, and read back from its record") {
  if (!has_heart()) return;
  const tools::TemporaryFolder folder;
  for (const Exercise& exercise : exercises()) {
    CAPTURE(exercise.name);
    const Outcome outcome{&exercise, {{"seed", "1"}}, exercise.run(context_of(1, 1))};
    const std::string written = report::to_text(exercise.write(outcome.curves));
    CHECK(written.find("nan") == std::string::npos);
    const auto file = folder.path / "results.json";
    nn::write_file_atomically(file, to_json(outcome));
    const Outcome read = read_outcome(file, exercise);
    CHECK(report::to_text(exercise.write(read.curves)) == written);
    CHECK(read.made == outcome.made);

    std::string edited = to_json(outcome);
    edited.replace(edited.find("\"seed\""), 6, "\"tree\"");
    nn::write_file_atomically(file, edited);
    CHECK(complaint_of([&] { read_outcome(file, exercise); }).find("was edited") !=
          std::string::npos);
  }
}

TEST_CASE("curves of an exercise that was stopped are kept, but used only by the same build") {
  if (!has_heart()) return;
  const tools::TemporaryFolder folder;
  const Exercise& exercise = exercises()[1];
  ExerciseContext context = context_of(3, 1);
  // Runs the exercise up to this curve. Returns how many curves were trained.
  const auto train = [&](const std::string& last) {
    std::ostringstream log;
    UnfinishedCurves unfinished(folder.path, exercise, context.setting, context.table, log);
    int trained = 0;
    context.keep = [&](const auto& names, const auto& make) {
      return unfinished.keep(names, make);
    };
    context.on_epoch = [&](const std::string& curve, int done, int) {
      trained += done;
      if (curve == last) throw tools::Stopped{2};
    };
    try {
      exercise.run(context);
    } catch (const tools::Stopped&) {
    }
    return std::pair{trained, log.str()};
  };
  CHECK(train("permutation 2") == std::pair{2, std::string()});
  CHECK(train("permutation 3").first == 1);
  const auto [trained, log] = train("none");
  CHECK(trained == 1);
  CHECK(log.starts_with("going on with the curves in "));

  const std::filesystem::path file =
      std::filesystem::directory_iterator(folder.path / ".unfinished")->path();
  Outcome of_another_build = read_record(file, exercise);
  of_another_build.made["engine"] += "-other";
  for (const std::string& text : {to_json(of_another_build), std::string("{}")}) {
    nn::write_file_atomically(file, text);
    const auto [again, note] = train("none");
    CHECK(again == 4);
    CHECK(note.find("ex1 begins again: ") != std::string::npos);
  }
}

TEST_CASE("a table of epochs is what pandas and spreadsheets read") {
  CHECK(to_csv(Curve{"a", {0.5, 0.25}, {50, 75}}) ==
        "Epoch,Train accuracy,Loss\n0,50.0,0.5\n1,75.0,0.25\n");
  CHECK(to_csv(Curve{"a", {0.5}, {}}) == "Epoch,Loss\n0,0.5\n");
  const std::vector<Curve> curves{{"a, b", {1}}};
  CHECK(to_csv(curves) == "Curve,Epoch,Train accuracy,Loss\n\"a, b\",0,,1.0\n");
}

}  // namespace

}  // namespace homework2
