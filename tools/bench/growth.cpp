#include "tools/bench/growth.h"

#include <set>

#include "nn/base/csv.h"
#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "tools/bench/benchmark.h"
#include "tools/bench/clients.h"
#include "tools/bench/cnn.h"
#include "tools/bench/llama.h"
#include "tools/bench/pipeline.h"
#include "tools/report/axis.h"

namespace bench {

namespace {

constexpr int turns = 5;

// The median of a few turns, after one for warm-up.
template <class Work>
double seconds_each(Work work) {
  work();
  std::vector<double> seconds;
  for (int turn = 0; turn < turns; ++turn) seconds.push_back(nn::seconds_of(work));
  return median(seconds);
}

double images_per_second(int threads, int clients, int batch) {
  CnnWork work(threads);
  return clients * batch / seconds_each([&] { work.train(clients, batch); });
}

double tokens_per_second(int length, int layers, int threads) {
  LlamaTraining training({.layers = layers}, length, threads);
  return pipeline::TrainingConfig{}.batch * length / seconds_each([&] { training.step(); });
}

std::vector<double> pipeline_tokens_per_second(int ranks) {
  const pipeline::TrainingConfig config;
  const Pace pace = run_pipeline({std::to_string(ranks), "--layers", "auto"});
  const double tokens = config.batch * config.length;
  return {tokens / pace.reached, tokens / pace.allowed};
}

std::vector<int> up_to_twice(int threads) {
  std::set<int> counts{threads, 2 * threads};
  for (int count = 1; count < 2 * threads; count *= 2) counts.insert(count);
  return {counts.begin(), counts.end()};
}

}  // namespace

std::vector<Growth> growth_table(int threads) {
  const std::string cores = nn::concat(threads, threads == 1 ? " core" : " cores");
  const std::string images = "Images/s", tokens = "Tokens/s", ours = "Tributary";
  const int clients = 8 * threads;
  return {
      {"cnn",
       "threads",
       "CNN training on " + cores + ": threads",
       "Threads",
       images,
       up_to_twice(threads),
       {ours},
       [=](int count) { return std::vector{images_per_second(count, clients, 100)}; }},
      {"cnn",
       "clients",
       "CNN training on " + cores + ": clients of a round",
       "Clients",
       images,
       {1, 2, 3, 4, 5, 6, 8, 10, 15, 20},
       {ours},
       [=](int count) { return std::vector{images_per_second(threads, count, 100)}; }},
      {"cnn",
       "batch",
       "CNN training on " + cores + ": batch size",
       "Images in a batch",
       images,
       {1, 5, 10, 25, 50, 100, 200, 300, 400, 600},
       {ours},
       [=](int batch) { return std::vector{images_per_second(threads, 2 * threads, batch)}; }},
      {"simulators",
       "clients-seconds",
       "A round of 10 clients on " + cores + ": clients in all",
       "Clients",
       "Milliseconds per round",
       {100, 1000, 10000},
       {"FedAvg", "SCAFFOLD"},
       [](int count) {
         return std::vector{1e3 * cost_of_round("fedavg", count).seconds,
                            1e3 * cost_of_round("scaffold", count).seconds};
       }},
      {"simulators",
       "clients-memory",
       "Peak memory with 10 clients a round: clients in all",
       "Clients",
       "Megabytes",
       {100, 1000, 10000},
       {"FedAvg", "SCAFFOLD"},
       [](int count) {
         return std::vector{cost_of_round("fedavg", count).megabytes,
                            cost_of_round("scaffold", count).megabytes};
       }},
      {"llama",
       "length",
       "LLaMA training on " + cores + ": length of a sequence",
       "Tokens of a sequence",
       tokens,
       {32, 64, 128, 256, 512, 768, 1024},
       {ours},
       [=](int length) { return std::vector{tokens_per_second(length, 6, threads)}; }},
      {"llama",
       "layers",
       "LLaMA training on " + cores + ": layers",
       "Layers",
       tokens,
       {1, 2, 4, 6, 8, 10, 12},
       {ours},
       [=](int layers) { return std::vector{tokens_per_second(256, layers, threads)}; }},
      {"pipeline",
       "ranks",
       "LLaMA pipeline on " + cores + ": processes",
       "Processes",
       tokens,
       {1, 2, 3, 4, 6},
       {ours, "allowed by cut, schedule and cores"},
       pipeline_tokens_per_second},
  };
}

report::LinePlot measure(const Growth& growth) {
  report::LinePlot plot{"growth-" + growth.name, growth.title, growth.x_label, growth.y_label, {}};
  for (const std::string& name : growth.series) plot.series.push_back({name, {}, {}});
  for (int point : growth.points) {
    const std::vector<double> values = growth.measure(point);
    for (std::size_t i = 0; i < values.size(); ++i) {
      plot.series[i].x.push_back(point);
      plot.series[i].y.push_back(values[i]);
    }
  }
  return plot;
}

std::string to_csv(const report::LinePlot& plot) {
  std::string csv = nn::csv_cell(plot.x_label);
  for (const report::Series& series : plot.series)
    csv += ',' + nn::csv_cell(plot.y_label + ' ' + series.name);
  csv += '\n';
  for (std::size_t row = 0; row < plot.series.front().x.size(); ++row) {
    csv += report::fixed(plot.series.front().x[row], 0);
    for (const report::Series& series : plot.series) csv += ',' + report::fixed(series.y[row], 1);
    csv += '\n';
  }
  return csv;
}

}  // namespace bench
