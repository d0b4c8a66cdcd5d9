#include "tools/training/launcher.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

#include "nn/base/error.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"

namespace training {

namespace {

constexpr std::size_t longest_name = 100;

struct Launcher {
  const char* name;
  const char* rank;              // its variables
  const char* ranks;             // null: it has none
  const char* ranks_here;        // a number, or a list for all machines; null: one
  const char* machine;           // the number in that list; null: there is no list
  const char* proof;             // set, too, if it started this process; null: none is needed
  std::vector<const char*> run;  // together they name the run
};

// Each may run inside those below it: torchrun and mpirun as a job of Slurm, all of them in a
// container of Kubernetes. A variable that others set, too, is not enough: torchrun's RANK needs
// TORCHELASTIC_RUN_ID, and Slurm's batch script has SLURM_PROCID, but no step. torchrun's count of
// restarts names no run: each machine has its own.
const std::vector<Launcher>& launchers() {
  static const std::vector<Launcher> table{
      {"torchrun",
       "RANK",
       "WORLD_SIZE",
       "LOCAL_WORLD_SIZE",
       nullptr,
       "TORCHELASTIC_RUN_ID",
       {"TORCHELASTIC_RUN_ID"}},
      {"mpi",
       "OMPI_COMM_WORLD_RANK",
       "OMPI_COMM_WORLD_SIZE",
       "OMPI_COMM_WORLD_LOCAL_SIZE",
       nullptr,
       nullptr,
       {"PMIX_NAMESPACE"}},
      {"slurm",
       "SLURM_PROCID",
       "SLURM_STEP_NUM_TASKS",
       "SLURM_STEP_TASKS_PER_NODE",
       "SLURM_NODEID",
       "SLURM_STEP_ID",
       {"SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"}},
      {"kubernetes", "JOB_COMPLETION_INDEX", nullptr, nullptr, nullptr, nullptr, {"JOB_UID"}}};
  return table;
}

std::string value_of(const Environment& environment, const char* variable) {
  const auto found = variable ? environment.find(variable) : environment.end();
  return found == environment.end() ? "" : found->second;
}

std::optional<std::int64_t> parse(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

int number_of(const Environment& environment, const char* variable, int least) {
  const std::string text = value_of(environment, variable);
  const std::optional<std::int64_t> number = parse(text);
  if (!number || *number < least || *number > 1 << 20)
    throw nn::InputError(nn::concat(variable, "=\"", nn::printable(text, 80), "\" makes no sense"),
                         "unset it, or add --launcher none");
  return static_cast<int>(*number);
}

// Slurm counts the shells of salloc and sbatch from 0xfffffff0 on; they are no steps of tasks.
bool is_proof(const std::string& value) {
  const std::optional<std::int64_t> number = parse(value);
  return !value.empty() && (!number || *number < 0xfffffff0);
}

bool has_started(const Launcher& launcher, const Environment& environment) {
  return environment.contains(launcher.rank) &&
         (!launcher.ranks || environment.contains(launcher.ranks)) &&
         (!launcher.proof || is_proof(value_of(environment, launcher.proof)));
}

// The entry for one machine in Slurm's list: of "2(x3),1" that is 2 for the first three machines,
// and 1 for the fourth.
std::string entry_of(const std::string& list, std::int64_t machine) {
  for (const std::string& part : nn::split(list, ',')) {
    const std::size_t times = part.find("(x");
    const std::int64_t machines =
        times == std::string::npos
            ? 1
            : parse(part.substr(times + 2, part.size() - times - 3)).value_or(1);
    if (machine < machines) return part.substr(0, times);
    machine -= machines;
  }
  return "";
}

int ranks_here(const Launcher& launcher, const Environment& environment) {
  const std::int64_t machine = parse(value_of(environment, launcher.machine)).value_or(0);
  const std::string text = entry_of(value_of(environment, launcher.ranks_here), machine);
  return static_cast<int>(std::clamp<std::int64_t>(parse(text).value_or(1), 1, 1 << 20));
}

// A name for a file. Some launchers leave variables out, such as the count of no restarts.
std::string run_of(const Launcher& launcher, const Environment& environment) {
  std::string name = launcher.name;
  for (const char* variable : launcher.run)
    if (const std::string value = value_of(environment, variable); !value.empty())
      name += '-' + value;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  return name.substr(0, longest_name);
}

Launch launch_of(const Launcher& launcher, const Environment& environment) {
  Launch launch{.launcher = launcher.name,
                .rank = number_of(environment, launcher.rank, 0),
                .ranks = {},
                .ranks_here = ranks_here(launcher, environment),
                .run = run_of(launcher, environment),
                .evidence = nn::concat(launcher.rank, '=', value_of(environment, launcher.rank))};
  if (!launcher.ranks) return launch;
  launch.ranks = number_of(environment, launcher.ranks, 1);
  launch.evidence += nn::concat(", ", launcher.ranks, '=', *launch.ranks);
  if (launch.rank >= *launch.ranks)
    throw nn::InputError(launch.evidence + ": there is no such rank",
                         "unset it, or add --launcher none");
  return launch;
}

}  // namespace

Environment environment_of_this_process() {
  Environment environment;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

std::vector<std::string> launcher_names() {
  std::vector<std::string> names{"auto"};
  for (const Launcher& launcher : launchers()) names.emplace_back(launcher.name);
  names.emplace_back("none");
  return names;
}

std::optional<Launch> find_launch(const std::string& name, const Environment& environment) {
  for (const Launcher& launcher : launchers())
    if ((name == "auto" || name == launcher.name) && has_started(launcher, environment))
      return launch_of(launcher, environment);
  for (const Launcher& launcher : launchers())
    if (name == launcher.name)
      throw nn::InputError(
          nn::concat(name, " did not start this process: it has set no ", launcher.rank,
                     launcher.proof ? " with " : "", launcher.proof ? launcher.proof : ""),
          "pipeline/README.md has a line for each launcher");
  return {};
}

int pipelines_of(const Launch& launch, int stages, std::optional<int> pipelines) {
  if (!launch.ranks) return pipelines.value_or(1);
  const int ranks = *launch.ranks;
  if (!pipelines && ranks % stages == 0) return ranks / stages;
  if (stages * pipelines.value_or(1) == ranks) return *pipelines;
  const std::string started =
      nn::concat(launch.launcher, " started ", ranks, ranks == 1 ? " process" : " processes");
  if (!pipelines)
    throw nn::InputError(
        nn::concat(started, ", which ", stages, " stages do not divide"),
        nn::concat("start ", (ranks / stages + 1) * stages, ", or choose another --stages"));
  throw nn::InputError(nn::concat(started, "; ", stages, " stages x ", *pipelines,
                                  " pipelines need ", stages * *pipelines),
                       nn::concat("start ", stages * *pipelines, ", or leave --pipelines out"));
}

}  // namespace training
