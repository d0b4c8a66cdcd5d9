#include "tests/pipeline/scenario.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "nn/base/error.h"
#include "pipeline/links.h"
#include "pipeline/outer_steps/sync_times.h"
#include "pipeline/outer_steps/wire_formats.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds, std::chrono::microseconds;

// Shorter than a heartbeat even with the longest latency; shorter than half the deadline; longer
// than any patience.
constexpr milliseconds moment{150}, a_while{2'000}, eternity{20'000};

using Net = SimulatedNetwork;

struct FaultKind {
  std::string_view name;
  void (*befall)(Net&, int rank, int other);
  bool is_harmless = false, is_of_pair = false, is_of_folders = false;
};

constexpr bool harmless = true, pair = true;

void cut_both_ways(Net& net, int rank, int other, milliseconds duration) {
  net.cut(rank, other, duration);
  net.cut(other, rank, duration);
}

constexpr std::array<FaultKind, 14> kinds{{
    {"crashes", [](Net& net, int rank, int) { net.crash(rank, false); }},
    {"vanishes", [](Net& net, int rank, int) { net.crash(rank, true); }},
    {"freezes", [](Net& net, int rank, int) { net.freeze(rank, eternity); }},
    {"freezes for a while", [](Net& net, int rank, int) { net.freeze(rank, a_while); }},
    {"freezes for a moment", [](Net& net, int rank, int) { net.freeze(rank, moment); }, harmless},
    {"is suspended with all others", [](Net& net, int, int) { net.suspend(eternity); }, harmless},
    {"computes for a while", [](Net& net, int rank, int) { net.occupy(rank, a_while); }, harmless},
    {"computes forever", [](Net& net, int rank, int) { net.occupy(rank, eternity); }},
    {"is cut off for a moment from",
     [](Net& net, int rank, int other) { cut_both_ways(net, rank, other, moment); }, harmless,
     pair},
    {"is not heard for a moment by",
     [](Net& net, int rank, int other) { net.cut(rank, other, moment); }, harmless, pair},
    {"is cut off from",
     [](Net& net, int rank, int other) { cut_both_ways(net, rank, other, eternity); }, !harmless,
     pair},
    {"is not heard by", [](Net& net, int rank, int other) { net.cut(rank, other, eternity); },
     !harmless, pair},
    {"loses its connection to",
     [](Net& net, int rank, int other) { net.break_connection(rank, other); }, !harmless, pair},
    {"does not see shared folders for a while",
     [](Net& net, int rank, int) { net.hide_folders(rank, a_while); }, !harmless, !pair, true},
}};

bool is_valid(TrainingConfig config, int pipelines) {
  config.full_pipelines = std::exchange(config.topology.pipelines, pipelines);
  try {
    require_valid(config);
  } catch (const nn::InputError&) {
    return false;
  }
  return true;
}

// Of a training whose pipelines may leave and come.
void make_elastic(Dice& dice, TrainingConfig& config) {
  config.is_elastic = true;
  config.has_exact_sums = !dice.one_in(4);
  config.shares_moments = false;
  config.sync = {};
  for (int pipelines = 1; pipelines <= config.topology.pipelines; ++pipelines)
    if (!is_valid(config, pipelines)) config.schedule = "gpipe", config.chunks = 1;
  config.cut =
      default_cut(static_cast<int>(config.model.layers), config.topology.stages * config.chunks);
}

TrainingConfig draw_config(Dice& dice) {
  const auto [stages, pipelines] = dice.one_of(std::vector<std::pair<int, int>>{
      {2, 1}, {3, 1}, {6, 1}, {1, 2}, {2, 2}, {3, 2}, {1, 3}, {2, 3}});
  const nn::ModelFamily& family = nn::families()[dice.below(2)];
  TrainingConfig config = toy::config_of(schedule_table()[dice.below(schedule_table().size())].name,
                                         stages, pipelines, 1 + dice.below(3), family);
  config.steps = 2 + dice.below(3);
  if (dice.one_in(3)) config.clip_norm = 0.5;
  if (dice.one_in(4)) config.skips_bad_steps = true;
  if (pipelines > 1 && dice.one_in(3)) config.shares_moments = true;
  if (dice.one_in(4)) config.recomputes = true;
  if (pipelines > 1 && dice.one_in(4)) {  // each trains alone for some steps
    config.shares_moments = config.skips_bad_steps = false;
    config.sync.every = 1 + dice.below(3);
    config.sync.wire = wire_format_table()[dice.below(nn::tied_tensor(config.model) ? 2 : 3)].name;
    config.sync.fragments = dice.below(config.sync.every + 1);
    if (config.sync.fragments > 0) config.sync.delay = dice.below(config.sync.every);
  }
  if (dice.one_in(3)) {
    config.held_out = 0.1;
    config.evaluate_every = 1 + dice.below(2);
    config.evaluation_batches = 2;
  }
  if (dice.one_in(4)) {
    config.optimizer = dice.one_of<std::string>({"adamw", "sgd"});
    config.weight_decay = 0.1;
    config.warmup = dice.below(config.steps);
  }
  if (dice.one_in(4)) make_elastic(dice, config);
  return config;
}

SimulatedNetwork::Weather draw_weather(Dice& dice, int ranks) {
  SimulatedNetwork::Weather weather;
  weather.latency = dice.one_of<microseconds>(
      {milliseconds(0), microseconds(200), milliseconds(5), milliseconds(40)});
  weather.work.assign(
      ranks, dice.one_of<microseconds>({microseconds(1), microseconds(100), milliseconds(3)}));
  if (dice.one_in(3)) weather.work[dice.below(ranks)] = milliseconds(30);
  weather.room = dice.one_of<std::size_t>({1, 2, 5, 64});
  weather.lends = !dice.one_in(3);
  return weather;
}

Fault draw_fault(Dice& dice, const TrainingConfig& config) {
  Fault fault;
  fault.kind = dice.below(kinds.size());
  fault.rank = dice.below(config.topology.ranks());
  fault.other = dice.one_of(links_of(config, fault.rank));
  fault.phase = dice.one_of<Phase>({config.is_elastic ? Phase::agreeing : Phase::meeting,
                                    Phase::meeting, Phase::training, Phase::training,
                                    Phase::training, Phase::saving, Phase::parting});
  fault.look = dice.below(1 << dice.below(fault.phase == Phase::training ? 9 : 5));
  return fault;
}

Start draw_start(Dice& dice, const TrainingConfig& config) {
  Start start;
  for (int left = dice.one_of<int>({0, 1, 1, 1, 2}); left > 0; --left)
    start.faults.push_back(draw_fault(dice, config));
  if (config.is_elastic)
    for (int more = dice.below(4); more > 0; --more)
      start.faults.push_back(draw_fault(dice, config));
  if (dice.one_in(4)) {
    start.disk_operation = dice.below(1 << (1 + dice.below(8)));
    start.disk_fault = dice.one_of<FaultyDisk::Fault>(
        {FaultyDisk::Fault::error, FaultyDisk::Fault::half_written, FaultyDisk::Fault::power});
    if (config.is_elastic && start.disk_fault == FaultyDisk::Fault::power)
      start.disk_fault = FaultyDisk::Fault::error;
  }
  if (dice.one_in(4)) {
    start.told_to_stop = dice.below(config.topology.ranks());
    start.steps = 1 + dice.below(config.steps);
  }
  return start;
}

// Before any step, others than before may train, or in another order.
std::map<int, std::vector<int>> draw_plan(Dice& dice, const TrainingConfig& config) {
  std::vector<int> all(config.topology.pipelines);
  std::iota(all.begin(), all.end(), 0);
  std::map<int, std::vector<int>> plan{{1, all}};
  for (int step = 1; step <= config.steps; ++step) {
    if (!dice.one_in(2)) continue;
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[dice.below(i)]);
    plan[step] = {all.begin(), all.begin() + 1 + dice.below(all.size())};
  }
  return plan;
}

}  // namespace

int kind_named(std::string_view name) {
  const auto kind = std::ranges::find(kinds, name, &FaultKind::name);
  nn::require(kind != kinds.end(), "there is no fault \"", name, '"');
  return static_cast<int>(kind - kinds.begin());
}

void Fault::befall(SimulatedNetwork& network) const { kinds[kind].befall(network, rank, other); }
bool Fault::is_of_folders() const { return kinds[kind].is_of_folders; }
bool Fault::is_harmless() const { return kinds[kind].is_harmless; }
std::set<int> Fault::culprits() const {
  return kinds[kind].is_of_pair ? std::set{rank, other} : std::set{rank};
}

std::string Fault::text() const {
  constexpr std::array phases{"agreeing", "meeting", "training", "saving", "parting"};
  return nn::concat("rank ", rank, ' ', kinds[kind].name,
                    kinds[kind].is_of_pair ? nn::concat(" rank ", other) : "", " at look ", look,
                    " of ", phases[static_cast<int>(phase)]);
}

std::string Scenario::text() const {
  std::string text = nn::concat(
      config.is_elastic ? config.has_exact_sums ? "elastic with exact sums, " : "elastic, " : "",
      config.schedule, ", ", config.topology.stages, " x ", config.topology.pipelines, ", ",
      config.microbatches, " microbatches, ", config.steps, " steps, ", config.model.family->name,
      ", synchronised ", to_text(config.sync, config.topology.pipelines));
  for (const auto& [step, pipelines] : plan) {
    text += nn::concat("; from step ", step, " on pipelines");
    for (int pipeline : pipelines) text += nn::concat(' ', pipeline);
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    text += nn::concat("; start ", i, ":");
    for (const Fault& fault : starts[i].faults) text += ' ' + fault.text() + ',';
    if (starts[i].disk_operation < INT_MAX)
      text += nn::concat(" disk operation ", starts[i].disk_operation, " fails,");
    if (starts[i].told_to_stop >= 0)
      text += nn::concat(" rank ", starts[i].told_to_stop, " is told to stop,");
  }
  return text;
}

Scenario draw_scenario(Dice& dice) {
  Scenario scenario{draw_config(dice), {}, {}, {}, {}};
  const TrainingConfig& config = scenario.config;
  int seats = config.topology.ranks();
  if (config.is_elastic && dice.one_in(4) &&
      config.topology.pipelines < config.all_microbatches()) {
    scenario.newcomers = {1, milliseconds(dice.below(3'000))};
    seats += config.topology.stages;
  }
  scenario.weather = draw_weather(dice, seats);
  for (int left = dice.below(3); left > 0; --left)
    scenario.starts.push_back(draw_start(dice, config));
  scenario.starts.emplace_back();
  if (config.is_elastic && scenario.newcomers.pipelines == 0 && dice.one_in(3))
    scenario.plan = draw_plan(dice, config);
  return scenario;
}

}  // namespace pipeline
