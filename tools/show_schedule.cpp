// bin/show_schedule: draws the timeline of a pipeline's stages for a schedule and its costs, or
// compares all schedules.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "pipeline/prediction/stage_memory.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/schedule_csv.h"
#include "pipeline/schedules/search.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/split_head/split_head.h"
#include "pipeline/training_config.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"
#include "tools/report/timeline.h"
#include "tools/training/costs_file.h"
#include "tools/training/lanes.h"
#include "tools/training/link_text.h"
#include "tools/training/memory_limit.h"
#include "tools/training/scaling_report.h"
#include "tools/training/schedule_file.h"

namespace {

using namespace pipeline;
using nn::concat;

struct ScheduleOptions {
  std::optional<std::string> schedule;
  training::ScheduleSize size;
  std::optional<std::string> memory;  // for a search
  Costs costs;                        // per microbatch and whole stage
  std::string head;                   // costs of a head that all stages share
  std::string stage_costs;
  std::optional<training::MeasuredStep> run;  // if stage_costs names a file
  double message_time = 0;
  std::optional<int> ranks, batch;  // for a prediction; of microbatches
  std::string link;
  std::string svg, csv;
  bool all = false, has_numbers = false;
};

Costs parse_costs(std::string_view text) {
  const auto parts = nn::split(text, '/');
  double numbers[3] = {-1, -1, -1};
  for (std::size_t i = 0; i < parts.size() && parts.size() == 3; ++i)
    numbers[i] = nn::parse_number<double>(parts[i]).value_or(-1);
  for (const double number : numbers)
    if (!std::isfinite(number) || number < 0)
      throw nn::InputError(concat("costs \"", text, "\" are not three numbers of 0 or more"),
                           "give forward/backward/weights of each stage: 1/1/1,1/1/1,4.5/4.2/4");
  return {numbers[0], numbers[1], numbers[2]};
}

std::vector<Costs> costs_of_run(const training::MeasuredStep& run) {
  std::vector<Costs> costs;
  for (const auto& chunks : costs_with_updates(run.stages, run.microbatches)) {
    Costs& sum = costs.emplace_back(Costs{0, 0, 0});
    for (const Costs& chunk : chunks)
      sum = {sum.forward + chunk.forward, sum.backward + chunk.backward,
             sum.weights + chunk.weights};
  }
  return costs;
}

// What the stages of a run took; nothing without a run, or from older ones.
std::vector<StageMemory> memory_of_run(const ScheduleOptions& options) {
  return options.run ? options.run->memory : std::vector<StageMemory>();
}

// Of as many stages as there are costs for.
std::vector<Costs> costs_per_stage(const ScheduleOptions& options, std::optional<int> stages) {
  if (options.stage_costs.empty()) return std::vector<Costs>(stages.value_or(4), options.costs);
  std::vector<Costs> costs;
  if (options.run)
    costs = costs_of_run(*options.run);
  else
    for (const std::string& part : nn::split(options.stage_costs, ','))
      costs.push_back(parse_costs(part));
  const int count = static_cast<int>(costs.size());
  if (stages.value_or(count) != count)
    throw nn::InputError(concat("--costs has ", count, " of ", *stages, " stages"),
                         "give the costs of every stage, or omit --stages");
  return costs;
}

// The costs of each chunk, with those of a head that all stages share.
StageCosts chunk_costs(const ScheduleOptions& options, int stages, int chunks) {
  StageCosts costs = even_chunks(costs_per_stage(options, stages), chunks);
  if (!options.head.empty()) share_head(costs, parse_costs(options.head));
  return costs;
}

// A schedule and its simulation.
struct Example {
  std::string name, description;
  Plan plan;
  Timeline timeline;

  int chunks() const { return plan.placement.chunks(); }
};

// Chunks share the costs of their stage, so schedules with and without chunks are comparable.
Example simulate_example(const std::string& name, const std::string& description, const Plan& plan,
                         const ScheduleOptions& options) {
  const StageCosts costs = chunk_costs(options, plan.placement.stages(), plan.placement.chunks());
  return {name, description, plan, simulate(plan, costs, options.message_time)};
}

std::string with_chunks(std::string_view name, int chunks) {
  return concat(name, chunks > 1 ? concat(", ", chunks, " chunks") : "");
}

int chunks_of(const ScheduleEntry& schedule, const ScheduleOptions& options, int preset = 2) {
  const std::optional<int> given = options.size.chunks;
  const int chunks =
      std::clamp(given.value_or(preset), schedule.least_chunks, schedule.most_chunks);
  if (given.value_or(chunks) != chunks && !options.all)
    throw nn::InputError(concat(schedule.name, " has ", chunks == 1 ? "one chunk" : "two chunks",
                                " per stage, not ", *given),
                         "choose --schedule interleaved, or omit --chunks");
  return chunks;
}

Example example_of(const ScheduleEntry& schedule, const ScheduleOptions& options) {
  const int chunks = chunks_of(schedule, options);
  const int stages = static_cast<int>(costs_per_stage(options, options.size.stages).size());
  const int count = options.size.microbatches.value_or(8);
  const Plan plan = options.head.empty()
                        ? schedule.plan(stages, count, chunks)
                        : plan_with_split_head(schedule, stages, count, chunks,
                                               chunk_costs(options, stages, chunks));
  return simulate_example(with_chunks(schedule.name, chunks), std::string(schedule.description),
                          plan, options);
}

Example search(const ScheduleOptions& options) {
  if (!options.head.empty())
    throw nn::InputError("a search does not know a split head", "name the --schedule");
  const int microbatches = options.size.microbatches.value_or(8);
  const training::MemoryLimit limit(options.memory.value_or(concat(microbatches)));
  const std::vector<Costs> costs = costs_per_stage(options, options.size.stages);
  const auto rooms = limit.rooms(static_cast<int>(costs.size()), memory_of_run(options));
  const auto ends =
      limit.is_in_bytes() ? std::optional(ends_of(options.run->stages)) : std::nullopt;
  Found found = search_schedule(costs, rooms, microbatches, options.size.chunks.value_or(2),
                                options.message_time, ends);
  limit.require_fit(found);
  return {with_chunks("search, " + found.name, found.plan.placement.chunks()),
          concat("the shortest with at most ", limit.text(), " per stage",
                 ends ? ", and the ends of the model where the run had them" : ""),
          std::move(found.plan), std::move(found.timeline)};
}

Example example_of(const ScheduleOptions& options) {
  const std::string schedule = options.schedule.value_or("1f1b");
  if (schedule == "search") return search(options);
  if (options.memory)
    throw nn::InputError("--memory is a limit for a search", "add --schedule search");
  if (!training::is_schedule_file(schedule)) return example_of(schedule_named(schedule), options);
  const auto file = training::read_schedule_file(schedule, options.size);
  const StageCosts costs =
      chunk_costs(options, file.plan.placement.stages(), file.plan.placement.chunks());
  return simulate_example(schedule, "read from a file",
                          options.head.empty() ? file.plan : with_split_head(file.plan, costs),
                          options);
}

std::string setting_of(std::size_t stages, int microbatches) {
  return concat(stages, stages == 1 ? " stage, " : " stages, ", microbatches,
                microbatches == 1 ? " microbatch" : " microbatches");
}

std::string percent(double share) { return report::fixed(100 * share, 1); }

// Hides what is left of rounding.
std::string idle(const Timeline& timeline, int stage) {
  const double time = timeline.idle(stage);
  return concat(time > 1e-9 * timeline.length ? time : 0);
}

std::string speed_up(const Timeline& timeline) {
  return report::fixed(timeline.length > 0 ? timeline.work() / timeline.length : 1, 2);
}

// In microbatches of a whole stage: a chunk holds only its share.
std::string peak(const Example& example, int stage) {
  return concat(static_cast<double>(example.timeline.peak_in_flight(stage)) / example.chunks());
}

std::string megabytes(double bytes) { return report::fixed(bytes / 1e6, 0); }

// The most that each stage's process would take, beside what it took in the run.
void add_memory(report::Table& table, const Example& example,
                const std::vector<StageMemory>& memory) {
  if (memory.empty()) return;
  table.header.insert(table.header.end(), {"Peak MB", "The run's MB"});
  for (std::size_t stage = 0; stage < memory.size(); ++stage) {
    const Room room = with_even_chunks({0, memory[stage].microbatch}, example.chunks());
    const double held = example.timeline.peak_held(static_cast<int>(stage), room.sizes);
    table.rows[stage].push_back(megabytes(memory[stage].always() + held));
    table.rows[stage].push_back(megabytes(memory[stage].peak));
  }
}

void print_picture(const Example& example, const ScheduleOptions& options) {
  const std::vector<report::Lane> lanes = training::lanes_of(example.timeline);
  const int margin = static_cast<int>(std::to_string(lanes.size() - 1).size()) + 1;
  const auto letters = report::to_text(lanes, report::Glyphs::letters, 80 - margin);
  const auto labels = report::to_text(lanes, report::Glyphs::labels, 80 - margin);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::string number = std::to_string(i);
    const std::string indent(margin - number.size(), ' ');
    std::cout << number << indent << letters[i] << '\n';
    if (options.has_numbers) std::cout << std::string(margin, ' ') << labels[i] << '\n';
  }
}

void show(const Example& example, const ScheduleOptions& options) {
  const Timeline& timeline = example.timeline;
  const int stages = static_cast<int>(timeline.stages.size());
  const std::string title =
      concat(example.name, ": ", setting_of(timeline.stages.size(), example.plan.microbatches));
  if (!options.svg.empty())
    nn::write_file_atomically(options.svg,
                              report::to_svg(training::lanes_of(timeline), title,
                                             options.stage_costs.empty() ? "ticks" : "time"));
  if (!options.csv.empty()) nn::write_file_atomically(options.csv, to_csv(example.plan));
  std::cout << title << '\n' << example.description << "\n\n";
  print_picture(example, options);
  report::Table table{"", {"Stage", "Idle", "Idle %", "Peak activations"}, {}};
  for (int stage = 0; stage < stages; ++stage)
    table.rows.push_back({concat(stage), idle(timeline, stage),
                          percent(timeline.idle(stage) / timeline.length), peak(example, stage)});
  add_memory(table, example, memory_of_run(options));
  std::cout << '\n'
            << report::to_text(table) << "Length " << timeline.length << ", "
            << percent(timeline.idle_share()) << " % idle, " << speed_up(timeline)
            << " times the speed of one process at most\n";
}

void compare(const ScheduleOptions& options) {
  report::Table table{
      "", {"Schedule", "Length", "Idle %", "Speed-up", "Peak activations by stage"}, {}};
  for (const ScheduleEntry& schedule : schedule_table()) {
    const Example example = example_of(schedule, options);
    const Timeline& timeline = example.timeline;
    table.caption = setting_of(timeline.stages.size(), example.plan.microbatches);
    std::string peaks;
    for (std::size_t stage = 0; stage < timeline.stages.size(); ++stage)
      peaks += concat(stage > 0 ? " " : "", peak(example, static_cast<int>(stage)));
    table.rows.push_back({example.name, concat(timeline.length), percent(timeline.idle_share()),
                          speed_up(timeline), peaks});
  }
  std::cout << report::to_text(table);
}

// The schedule given, or that of the run.
const ScheduleEntry& schedule_to_predict(const ScheduleOptions& options,
                                         const training::MeasuredStep& measured) {
  const ScheduleEntry* own = find_schedule(measured.schedule);
  if (!options.schedule && own) return *own;
  const std::string name = options.schedule.value_or("1f1b");
  if (name == "search" || training::is_schedule_file(name))
    throw nn::InputError("a prediction needs a schedule by name", "--schedule 1f1b");
  return schedule_named(name);
}

// The prediction for more and more ranks, from the costs of a run.
void scale(const ScheduleOptions& options) {
  const std::string& file = options.stage_costs;
  training::MeasuredStep measured = *options.run;
  const int stages = static_cast<int>(measured.stages.size());
  if (options.size.stages.value_or(stages) != stages)
    throw nn::InputError(concat(file, " has costs of ", stages, " stages"), "omit --stages");
  if (*options.ranks < stages)
    throw nn::InputError(concat(file, " has ", stages, " stages, and there are only ",
                                *options.ranks, *options.ranks == 1 ? " rank" : " ranks"),
                         concat("give --ranks ", stages, " or more"));
  if (!options.link.empty()) measured.cluster.link = training::parse_link(options.link);
  const ScheduleEntry& schedule = schedule_to_predict(options, measured);
  const int own_chunks = static_cast<int>(measured.stages[0].size());
  const int chunks =
      chunks_of(schedule, options, options.schedule ? std::max(2, own_chunks) : own_chunks);
  const training::Scaling scaling{schedule, chunks,
                                  training::chunks_for(measured, schedule, chunks),
                                  measured.activation_bytes, measured.cluster};
  const auto report = training::scaling_report(
      scaling, *options.ranks, options.size.microbatches.value_or(measured.microbatches),
      options.batch.value_or(*options.ranks / stages));
  if (!options.svg.empty())
    nn::write_file_atomically(options.svg, report::to_svg(report.efficiency));
  const Link& link = measured.cluster.link;
  std::cout << report.title << "\ncosts of " << file << ", from " << measured.pipelines
            << (measured.pipelines == 1 ? " pipeline" : " pipelines") << "; a message takes "
            << report::fixed(1e6 * link.latency, 1) << " us and "
            << report::fixed(1e9 * link.seconds_per_byte, 3) << " s per GB\n\n"
            << report::to_text(report.weak) << '\n'
            << report::to_text(report.strong);
}

tools::Option add_cost(tools::Options& line, const std::string& name, double& value,
                       const std::string& text) {
  return line.add(name, value, text).between(0.0, 1e9);
}

int run(int argc, char** argv) {
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
                                      "costs f/b/w of a head that all stages share: S is its "
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
  line.add("--batch", options.batch,
           "with --ranks, microbatches in a step of a batch that stays the same: as many as "
           "pipelines")
      .between(1, 1 << 20);
  line.parse(argc, argv);

  if (options.ranks && options.stage_costs.empty()) options.stage_costs = "out/pipeline/costs.json";
  if (options.ranks || options.stage_costs.ends_with(".json"))
    options.run = training::read_costs(options.stage_costs);
  if (options.ranks) return scale(options), 0;
  if (!options.link.empty() || options.batch)
    throw nn::InputError(concat(options.batch ? "--batch" : "--link", " is for a prediction"),
                         "add --ranks 1000");
  const std::vector<Costs> costs_given = costs_per_stage(options, std::nullopt);
  if (std::ranges::all_of(costs_given, [](const Costs& c) { return c.sum() == 0; }))
    throw nn::InputError("all costs are 0", "give one stage something to do");
  if (options.all)
    compare(options);
  else
    show(example_of(options), options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run(argc, argv); });
}
