// Lab 2 and homework 2: vertical federated learning and generative models.
#include <cstdint>
#include <utility>
#include <vector>

#include "tools/homework2/exercises.h"
#include "tools/homework2/run.h"
#include "tools/program/dropout_rng.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"

namespace {

int run_command(int argc, char** argv) {
  homework2::Options options;
  tools::Options parser{"hw2", "Vertical federated learning: lab 2 and homework 2."};
  const auto add = [&](std::string_view name, std::string_view text) {
    tools::Options command = parser.add_command(std::string(name), std::string(text));
    homework2::Setting& setting = options.setting;
    command.add("--epochs", setting.epochs, "epochs, instead of the exercise's own")
        .between(1, 1'000'000);
    command.add("--seed", setting.seed, "of the weights and the masks")
        .between(std::uint64_t{0}, tools::largest_seed);
    tools::add_dropout_rng(command, setting.stream);
    command.add("--data", options.data, "folder with heart.csv: data/raw/heart");
    command.add("--out", options.out, "folder for the results");
  };
  for (const homework2::Exercise& exercise : homework2::exercises())
    add(exercise.name, exercise.description);
  add("all", "all of them");
  options.command = parser.parse(argc, argv);
  homework2::run_exercises(
      options, tools::stop_on_signals("stopping after this epoch; again to stop at once\n"));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
