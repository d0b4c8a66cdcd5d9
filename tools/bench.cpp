// How fast the engine is, next to what the machine can do and to PyTorch on the same work.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <thread>

#include "fl/parallel.h"
#include "fl/worker.h"
#include "nn/blas.h"
#include "nn/file.h"
#include "nn/json.h"
#include "nn/models.h"
#include "nn/optimizer.h"
#include "tools/bench/peer.h"
#include "tools/homework/dataset.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/project/fetch.h"
#include "tools/report/axis.h"
#include "tools/report/text.h"

namespace {

using Workers = std::vector<fl::Worker>;

// Multiply-adds of the course's network for one image count twice: once forward, three times with
// the gradients of weights and inputs (the first layer's inputs need none).
constexpr double forward_flops = 2 * 11.99e6, training_flops = 71.6e6;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Runs task(worker, i) for i = 0 .. count-1 on all workers.
void on_all(Workers& workers, int count, const std::function<void(fl::Worker&, int)>& task) {
  fl::ordered_parallel(workers, count, task, [](fl::Worker&, int) {});
}

// GFLOP/s of all cores multiplying 512 x 512 matrices, each its own: the best of several turns.
double measure_peak(Workers& workers) {
  constexpr nn::index n = 512;
  constexpr int repeats = 20;
  const int threads = static_cast<int>(workers.size());
  std::vector<std::vector<nn::real>> matrices(threads, std::vector<nn::real>(3 * n * n, 0.5));
  double best = 0;
  for (int turn = 0; turn < 5; ++turn) {
    const double seconds = seconds_of([&] {
      on_all(workers, threads, [&](fl::Worker&, int i) {
        nn::real* a = matrices[i].data();
        for (int r = 0; r < repeats; ++r)
          nn::blas::gemm(nn::blas::no, nn::blas::no, n, n, n, 1, a, n, a + n * n, n, 0,
                         a + 2 * n * n, n);
      });
    });
    best = std::max(best, 2.0 * n * n * n * repeats * threads / seconds / 1e9);
  }
  return best;
}

// A job does some images and is compared with PyTorch's job of the same name, which does
// peer_images.
struct Job {
  std::string name, text;
  double images, flops_per_image, peer_images;
  std::function<void()> run;
  std::vector<double> rates;
  std::map<std::string, std::vector<double>> peer_rates;

  double rate() const { return median(rates); }
  double peak_share(double peak) const { return 100 * rate() * flops_per_image / 1e9 / peak; }
  double peer_rate() const {
    double best = 0;
    for (const auto& [name, values] : peer_rates) best = std::max(best, median(values));
    return best;
  }
};

Job training_job(Workers& workers, const data::ImageDataset& dataset, int batch) {
  const int clients = static_cast<int>(workers.size());
  std::vector<int> samples(batch);
  std::iota(samples.begin(), samples.end(), 0);
  return {nn::concat("train", batch),
          nn::concat("CNN training, B=", batch),
          static_cast<double>(batch) * clients,
          training_flops,
          static_cast<double>(batch),
          [&workers, &dataset, clients, samples] {
            on_all(workers, clients, [&](fl::Worker& worker, int client) {
              nn::Generator generator(client);
              worker.compute_gradient(dataset.train, samples, generator);
              nn::sgd_step(worker.weights(), worker.gradients(), 0.01);
            });
          },
          {},
          {}};
}

Job testing_job(Workers& workers, const data::ImageDataset& dataset) {
  const int size = dataset.test.size(), part = fl::Worker::part_size;
  std::vector<int> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  return {nn::concat("test", size),
          nn::concat("CNN testing, ", size, " images"),
          static_cast<double>(size),
          forward_flops,
          static_cast<double>(size),
          [&workers, &dataset, samples, part] {
            const int size = static_cast<int>(samples.size());
            on_all(workers, (size + part - 1) / part, [&](fl::Worker& worker, int i) {
              worker.count_correct(dataset.test, std::span(samples).subspan(
                                                     i * part, std::min(part, size - i * part)));
            });
          },
          {},
          {}};
}

report::Table table_of(const std::vector<Job>& jobs, double peak, bool has_peer) {
  report::Table table{"Median images/s", {"Work", "images/s", "% of SGEMM peak"}, {}};
  if (has_peer) table.header.insert(table.header.end(), {"PyTorch images/s", "ratio"});
  for (const Job& job : jobs) {
    auto& row = table.rows.emplace_back();
    row = {job.text, report::fixed(job.rate(), 0), report::fixed(job.peak_share(peak), 0)};
    if (has_peer) {
      row.push_back(report::fixed(job.peer_rate(), 0));
      row.push_back(report::fixed(job.rate() / job.peer_rate(), 2));
    }
  }
  return table;
}

std::string json_of(const std::vector<Job>& jobs, double peak, int threads, bool has_peer) {
  std::ostringstream out;
  out << "{\n  \"openblas_core\": " << nn::json_quote(nn::blas::core_name())
      << ",\n  \"threads\": " << threads << ",\n  \"sgemm_gflops\": " << peak << ",\n  \"jobs\": [";
  for (const Job& job : jobs) {
    out << (&job == &jobs.front() ? "" : ",") << "\n    {\"name\": " << nn::json_quote(job.name)
        << ", \"images_per_second\": " << job.rate()
        << ", \"percent_of_peak\": " << job.peak_share(peak);
    if (has_peer)
      out << ", \"pytorch_images_per_second\": " << job.peer_rate()
          << ", \"ratio\": " << job.rate() / job.peer_rate();
    out << '}';
  }
  out << "\n  ]\n}\n";
  return out.str();
}

int run(int argc, char** argv) {
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency())), turns = 5;
  std::string json;
  bool is_alone = false;
  tools::Options options("bench", "The engine's speed, next to the machine's and to PyTorch's.");
  options.add("--threads", threads, "of the engine, all cores").between(1, 1024);
  options.add("--turns", turns, "how often each side does each job").between(1, 1000);
  options.add("--json", json, "file for the figures");
  options.add("--alone", is_alone, "without PyTorch");
  options.parse(argc, argv);

  std::signal(SIGPIPE, SIG_IGN);  // a peer that dies is an error of its own
  const data::ImageDataset dataset = homework::open_dataset("mnist", "");
  std::vector<bench::Peer> peers;
  if (!is_alone)
    for (int count : std::set{1, threads})
      if (auto peer = bench::Peer::start(project::folder() / "tools/bench_pytorch.py", count))
        peers.push_back(std::move(*peer));

  nn::blas::set_threads(1);
  Workers workers;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back(
        [](nn::Generator& generator) { return std::make_unique<nn::MnistCnn>(generator); },
        nn::DropoutStream::mt);
  std::vector<Job> jobs{training_job(workers, dataset, 100), training_job(workers, dataset, 600),
                        testing_job(workers, dataset)};
  double peak = 0;
  for (Job& job : jobs) {
    job.run();  // warms up: memory, caches, clocks
    for (int turn = 0; turn < turns; ++turn) {
      peak = std::max(peak, measure_peak(workers));
      job.rates.push_back(job.images / seconds_of(job.run));
      for (bench::Peer& peer : peers)
        job.peer_rates[peer.name()].push_back(job.peer_images / peer.seconds(job.name));
    }
  }

  std::cout << "OpenBLAS core " << nn::blas::core_name() << ", " << threads << " threads, SGEMM "
            << report::fixed(peak, 0) << " GFLOP/s\n";
  for (const bench::Peer& peer : peers) std::cout << peer.name() << '\n';
  if (peers.empty() && !is_alone) std::cout << "python3 has no torch: measured alone\n";
  std::cout << report::to_text(table_of(jobs, peak, !peers.empty()));
  if (!json.empty()) nn::write_file_atomically(json, json_of(jobs, peak, threads, !peers.empty()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run(argc, argv); });
}
