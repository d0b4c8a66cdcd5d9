// The exercises of the homework, and any federated run, from the command line.
#include "tools/federated/commands.h"
#include "tools/homework/options.h"
#include "tools/homework/run.h"
#include "tools/program/program.h"

namespace {

using namespace homework;

int run_command(int argc, char** argv) {
  const Options options = CommandLine().parse(argc, argv);
  const std::atomic<bool>& stop = stop_after_round();
  if (options.command == "run")
    return run_one("hw1", options.setting.base, options.resources, options.outputs, stop);
  if (options.command == "compare")
    return compare(options.comparison, options.resources, stop) ? 0 : 1;
  return run_exercises(homework_1(), options, stop), 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
