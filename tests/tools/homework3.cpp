#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <variant>

#include "tests/complaint.h"
#include "tests/tools/made_up_run.h"
#include "tools/homework/publish.h"
#include "tools/homework3/exercises.h"

namespace homework {

namespace {

Setting lab_setting() {
  Setting setting;
  setting.base.seed = 42;
  return setting;
}

const Exercise& exercise_called(std::string_view name) {
  return *std::ranges::find(homework_3().exercises, name, &Exercise::name);
}

// Made-up runs of an exercise: the i-th ends at 10 (i + 1) percent.
Outcome made_up_outcome(const Exercise& exercise) {
  Outcome outcome{&exercise, lab_setting(), {{"command", "hw3"}, {"dataset", "mnist"}}, {}};
  outcome.setting.rounds = 3;
  for (const Experiment& experiment : experiments_of(exercise, outcome.setting)) {
    const double last = 5.0 * static_cast<double>(outcome.runs.size() + 1);
    Run& run = outcome.runs.emplace_back(made_up_run({10, 30, last}));
    run.experiment = settled(experiment);
    for (fl::Round& round : run.rounds) {
      round.measures = {{"Attack success", 2 * round.accuracy / 3}, {"Test loss", NAN}};
      round.selected = {7, 12};
    }
    if (run.experiment.attack_entry()) run.confusion.assign(100, 3);
  }
  return outcome;
}

bool says(const report::Document& document, std::string_view part) {
  return std::ranges::any_of(document.blocks, [&](const report::Block& block) {
    const auto* question = std::get_if<report::Question>(&block);
    const auto* paragraph = std::get_if<report::Paragraph>(&block);
    return (question && contains(question->answer, part)) ||
           (paragraph && contains(paragraph->text, part));
  });
}

}  // namespace

TEST_CASE("every exercise of homework 3 plans valid runs with distinct names") {
  data::ImageDataset mnist_like;
  mnist_like.train.labels.resize(60000);
  for (const Exercise& exercise : homework_3().exercises) {
    std::set<std::string> names, runs;
    for (const auto& [name, experiment] : exercise.curves(lab_setting())) {
      CAPTURE(name);
      validate(experiment, mnist_like);
      CHECK(names.insert(name).second);
      CHECK(runs.insert(describe(experiment)).second);
    }
  }
  const auto lab = lab_curves(lab_setting());
  CHECK(describe(lab[0].experiment) == "fedavg mnist_cnn N=100 C=0.2 B=200 E=2 η=0.02 iid seed=42");
  CHECK(describe(lab[1].experiment) ==
        "fedavg attack-scale=-5.0 byzantine=4.0 mnist_cnn N=100 C=0.2 B=200 E=2 η=0.02 iid seed=42 "
        "defence=krum attack=reversion "
        "malicious=3,25,28,33,35,36,38,39,41,43,47,60,64,74,76,80,82,92,96,97");
  CHECK(lab[5].experiment.malicious.share == 0.2);
}

TEST_CASE("reports of homework 3 have a picture for each cell of the notebook, and answers") {
  for (const Exercise& exercise : homework_3().exercises) {
    CAPTURE(exercise.name);
    const report::Document document = write_up(made_up_outcome(exercise));
    int questions = 0, pictures = 0, cells = 0;
    for (const report::Block& block : document.blocks) {
      cells += std::holds_alternative<report::Code>(block);
      questions += std::holds_alternative<report::Question>(block);
      pictures += std::holds_alternative<report::LinePlot>(block) ||
                  std::holds_alternative<report::ConfusionMatrix>(block);
    }
    CHECK(questions >= 1);
    CHECK(pictures >= 1);
    CHECK(cells == pictures);
  }
}

TEST_CASE("answers of homework 3 follow from the runs") {
  Outcome q1 = made_up_outcome(exercise_called("q1"));
  CHECK(says(write_up(q1),
             "is at 10.00 % on IID data and at 35.00 % on non-IID data, 25.00 points "
             "higher"));
  Outcome q3 = made_up_outcome(exercise_called("q3"));
  CHECK(says(write_up(q3), "Sparsification helped, by at most 15.00 points"));
  q3.runs[0].rounds.back().accuracy = 90;
  CHECK(says(write_up(q3), "Sparsification did harm, at least 70.00 points"));
  Outcome lab = made_up_outcome(exercise_called("lab"));
  CHECK(says(write_up(lab), "settle in the fifth round, and these runs have 3; their largest"));
  CHECK(says(write_up(lab), "and 7, 12 here: 2 of 14 are the same"));
  CHECK(says(write_up(lab), "kept attackers in no round. How many"));
  lab.runs[2].rounds[1].selected = {7, 9};  // 9 is malicious
  CHECK(says(write_up(lab), "kept attackers in round 2. How many"));
  lab.runs[0].rounds.resize(6, lab.runs[0].rounds.back());
  for (int i = 0; i < 6; ++i) lab.runs[0].rounds[i].number = i + 1;
  CHECK(says(write_up(lab), "From the fifth round on"));
}

TEST_CASE("measures, choices and confusion matrices are read back with an exercise's runs") {
  for (const Exercise& exercise : homework_3().exercises) {
    const Outcome outcome = made_up_outcome(exercise);
    const std::string text = to_json(outcome);
    const Outcome read = parse_outcome(text, "results.json", exercise);
    CHECK(to_json(read) == text);
    CHECK(read.runs.back().confusion == outcome.runs.back().confusion);
    CHECK(read.runs.back().rounds.back().selected == std::vector{7, 12});
    CHECK(last_measure(read.runs[0], "Attack success") ==
          last_measure(outcome.runs[0], "Attack success"));
    CHECK(std::isnan(last_measure(read.runs[0], "Test loss")));
  }
  Outcome bad = made_up_outcome(exercise_called("q3"));
  bad.runs[0].confusion.pop_back();
  CHECK(contains(
      complaint_of([&] { parse_outcome(to_json(bad), "results.json", exercise_called("q3")); }),
      "does not hold the runs of q3"));
}

}  // namespace homework
