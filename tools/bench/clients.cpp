#include "tools/bench/clients.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "nn/base/split.h"
#include "tools/bench/command.h"
#include "tools/program/temporary_folder.h"

namespace bench {

RoundCost cost_of_round(const std::string& algorithm, int clients) {
  const tools::TemporaryFolder folder;
  constexpr int rounds = 100;
  std::vector<std::string> command =
      nn::split(nn::concat("run --algorithm ", algorithm, " --model mlp --clients ", clients,
                           " --fraction ", 10.0 / clients, " --batch 6 --local-steps 10 --rounds ",
                           rounds, " --test-every ", rounds),
                ' ');
  command.insert(command.begin(), program("federated"));
  const std::string json = folder.path / "run.json";
  command.insert(command.end(), {"--json", json, "--checkpoint", folder.path / "run"});
  const Ran ran = run(command);
  const auto peak =
      nn::read_json_object(json, "federated run --json wrote it").at("peak_memory_mb");
  return {ran.seconds / rounds, peak.get<double>()};
}

}  // namespace bench
