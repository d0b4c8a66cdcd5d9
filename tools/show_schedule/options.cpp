#include "tools/show_schedule/options.h"

#include <array>
#include <utility>

#include "nn/base/error.h"
#include "pipeline/schedules/schedule.h"
#include "tools/program/options.h"

namespace show_schedule {

using namespace pipeline;
using nn::concat;

static tools::Option add_cost(tools::Options& line, const std::string& name, double& value,
                              const std::string& text) {
  return line.add(name, value, text).between(0.0, 1e9);
}

ScheduleOptions parse_options(int argc, char** argv) {
  ScheduleOptions options;
  tools::Options line("show_schedule", "Draws a pipeline schedule and reports its cost.");
  line.add("schedule,--schedule", options.schedule,
           schedule_names() +
               ", a .csv file as PyTorch writes them, or search for the shortest: 1f1b, with "
               "--ranks the run's")
      .in_any_case(tools::names_of(schedule_table()));
  const tools::Option memory =
      line.add("--memory", options.memory,
               "for a search, the most that a stage may hold: 3, so many activations of a whole "
               "stage; or 500MB, 4GB (kB, MB, GB), the memory of its process, with the --costs of "
               "a run: one activation per microbatch");
  line.add("--stages", options.size.stages, "stages of the pipeline: 4").between(1, 64);
  line.add("--microbatches", options.size.microbatches, "microbatches per batch: 8")
      .between(1, 1000);
  line.add("--chunks", options.size.chunks, "chunks per stage: 2 if it can have them, else 1")
      .between(1, 64);
  tools::Option costs = line.add("--costs", options.stage_costs,
                                 "forward/backward/weights of each stage: f/b/w,f/b/w,...; or a "
                                 "run's costs.json");
  const std::array common{
      add_cost(line, "--forward", options.costs.forward, "time of one microbatch in a stage"),
      add_cost(line, "--backward", options.costs.backward, "time of the data half"),
      add_cost(line, "--weights", options.costs.weights, "time of the weights half")};
  for (const tools::Option& cost : common) costs.excludes(cost);
  const tools::Option message =
      add_cost(line, "--message", options.message_time, "time of a message between stages");
  const tools::Option numbers =
      line.add("--numbers", options.has_numbers, "show microbatch numbers below the letters");
  const tools::Option svg = line.add("--svg", options.svg, "file for an SVG drawing");
  const tools::Option csv = line.add("--csv", options.csv, "file for the schedule, for PyTorch");
  const tools::Option all = line.add("--all", options.all, "compare all schedules in a table")
                                .excludes(svg)
                                .excludes(csv)
                                .excludes(memory);
  const tools::Option head = line.add("--split-head", options.head,
                                      "costs f/b/w of a head split over all stages: S is its "
                                      "forward and backward, T the rest")
                                 .excludes(csv);
  tools::Option ranks =
      line.add("--ranks", options.ranks,
               "predict steps on so many ranks from a run's costs: out/pipeline/costs.json")
          .between(1, 1 << 20);
  for (const tools::Option& other : {all, csv, memory, head, message, numbers})
    ranks.excludes(other);
  for (const tools::Option& cost : common) ranks.excludes(cost);
  line.add("--link", options.link,
           "with --ranks, latency and speed of a rank's messages, such as 10us,12.5GB/s: as "
           "the run measured");
  line.add("--group-link", options.group_link,
           "with --ranks, the same between pipelines, such as 50us,1GB/s: as --link, or as the run "
           "measured");
  line.add("--batch", options.batch,
           "with --ranks, microbatches in a step of a batch that stays the same: as many as "
           "pipelines")
      .between(1, 1 << 20);
  line.parse(argc, argv);

  if (options.ranks && options.stage_costs.empty()) options.stage_costs = "out/pipeline/costs.json";
  if (options.ranks || options.stage_costs.ends_with(".json"))
    options.run = training::read_costs(options.stage_costs);
  if (options.run && splits_head(options.run->stages))
    throw nn::InputError(concat(options.stage_costs, " has costs of a split head"),
                         "record costs without --split-head");
  for (const auto& [name, is_given] : {std::pair{"--link", !options.link.empty()},
                                       {"--group-link", !options.group_link.empty()},
                                       {"--batch", options.batch.has_value()}})
    if (is_given && !options.ranks)
      throw nn::InputError(concat(name, " is for a prediction"), "add --ranks 1000");
  return options;
}

}  // namespace show_schedule
