// The exercises of the homework, and any federated run, from the command line.
#include <unistd.h>

#include "tools/federated/commands.h"
#include "tools/homework/options.h"
#include "tools/homework/run.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"

namespace {

using namespace homework;
int run_command(int argc, char** argv) {
  const Options options = CommandLine().parse(argc, argv);
  const std::atomic<bool>& stop = tools::stop_on_signals(
      isatty(STDERR_FILENO) ? "\r\x1b[Kstopping after this round; again to stop at once\n"
                            : "stopping after this round; again to stop at once\n");
  if (options.command == "run")
    return run_one("hw1", options.setting.base, options.resources, options.outputs, stop), 0;
  if (options.command == "compare") {
    const Comparison comparison{options.reference, options.setting.base, options.setting.rounds,
                                options.tolerance, options.out,          kept_runs(options)};
    return compare(comparison, options.resources, stop) ? 0 : 1;
  }
  return run_exercises(homework_1(), options, stop), 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
