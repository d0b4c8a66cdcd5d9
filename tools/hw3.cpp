// Lab 3 and homework 3: attacks on federated learning, and defences.
#include <utility>

#include "tools/federated/commands.h"
#include "tools/homework/run.h"
#include "tools/homework3/exercises.h"
#include "tools/program/program.h"

namespace {

int run_command(int argc, char** argv) {
  homework::Options options;
  options.out = "out/hw3";
  options.setting.base.seed = 42;
  tools::Options parser{"hw3", "Federated learning under attack: lab 3 and homework 3."};
  for (const auto& [name, text] :
       {std::pair{"lab", "the lab's runs beside its published figures"},
        {"q1", "gradient reversion on IID and non-IID data"},
        {"q2", "Bulyan against reversion, part reversion and a backdoor"},
        {"q3", "SparseFed beside plain clipping"},
        {"all", "lab, q1, q2 and q3"}})
    homework::add_exercise(parser.add_command(name, text), options);
  options.command = parser.parse(argc, argv);
  homework::run_exercises(homework::homework_3(), options, federated::stop_after_round());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
