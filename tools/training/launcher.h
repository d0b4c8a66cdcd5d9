#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

// Launchers start the ranks of a run and tell each its number in environment variables.
namespace training {

using Environment = std::map<std::string, std::string>;
Environment environment_of_this_process();

// What a launcher told this process.
struct Launch {
  std::string launcher;  // "slurm"
  int rank = 0;
  std::optional<int> ranks;  // empty: it does not say
  int ranks_here = 1;        // on this machine
  std::string run;           // names the run: "slurm-17-0"
  std::string evidence;      // "SLURM_PROCID=0, SLURM_STEP_NUM_TASKS=6"
};

// "slurm", ...: those that find_launch knows, and "auto" and "none".
std::vector<std::string> launcher_names();

// What the launcher of this name told; with "auto", the first in the table that started this
// process. Empty for "none", and for "auto" if there was no launcher. Throws nn::InputError if the
// named launcher did not start this process, or if what it told makes no sense.
std::optional<Launch> find_launch(const std::string& name, const Environment& environment);

// The number of pipelines that this many stages and the launcher's ranks make. Throws
// nn::InputError if the ranks do not divide, or if `pipelines` is given and is another number.
int pipelines_of(const Launch& launch, int stages, std::optional<int> pipelines);

}  // namespace training
