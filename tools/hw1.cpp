// The exercises of the homework, and any federated run, from the command line.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <charconv>
#include <csignal>
#include <iostream>
#include <thread>

#include "nn/file.h"
#include "nn/models.h"
#include "tools/homework/compare.h"
#include "tools/homework/dataset.h"
#include "tools/homework/exercises.h"
#include "tools/homework/publish.h"
#include "tools/program.h"
#include "tools/report/text.h"

namespace {

using namespace homework;

// The one global: a signal handler can reach nothing else.
std::atomic<bool> stop_requested = false;

// Ctrl-C stops at the next part of a batch; a second one at once.
extern "C" void request_stop(int signal) {
  stop_requested = true;
  std::signal(signal, SIG_DFL);
}

struct Options {
  Setting setting;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string dataset = "mnist", data_folder, out = "out", compare_out = "out/compare";
  std::string csv, json;       // run
  bool has_wall_time = false;  // run
  std::string reference;       // compare
  double tolerance = 0.05;     // compare
  std::string batch = "100";   // run: a number or inf
};

int parse_batch(const std::string& text) {
  int batch = -1;
  if (text == "inf" || text == "∞") return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), batch);
  if (error != std::errc() || end != text.data() + text.size() || batch < 1)
    throw nn::InputError(nn::concat("B = ", text, " is not a batch size"),
                         "choose --batch 1 or more, or inf for all of a client's samples");
  return batch;
}

// Opens what a command needs and carries out its runs with a progress bar.
class Session {
 public:
  explicit Session(const Options& options)
      : options_(options),
        dataset_(open_dataset(options.dataset, options.data_folder)),
        bar_(std::cerr, isatty(STDERR_FILENO)),
        runner_(dataset_, {options.threads, &stop_requested, &std::cerr, &bar_}) {}

  std::vector<Run> run(const std::vector<Experiment>& experiments) {
    std::vector<Run> runs;
    for (const Experiment& experiment : experiments) runs.push_back(runner_.run(experiment));
    bar_.clear();
    return runs;
  }
  Runner& runner() { return runner_; }

  void print(const report::Document& document) const {
    std::cout << report::to_text(document, 80, isatty(STDOUT_FILENO)) << std::flush;
  }

 private:
  const Options& options_;
  data::ImageDataset dataset_;
  report::ProgressBar bar_;
  Runner runner_;
};

// Says which curves are not what they would be with all clients.
void add_left_out(std::span<const Run> runs, std::span<const std::string> names,
                  report::Document& document) {
  report::Table table{"Clients left out over all rounds", {"Curve", "Left out"}, {}};
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (const int count = count_left_out(runs[i]); count > 0)
      table.rows.push_back({names[i], std::to_string(count)});
  if (!table.rows.empty()) document.blocks.emplace_back(table);
}

void run_exercises(const Options& options, std::string_view name) {
  nn::require_writable_folder(options.out);
  Session session(options);
  std::vector<const Exercise*> chosen;
  std::vector<std::vector<Curve>> curves;
  for (const Exercise& exercise : exercise_table())
    if (name == "all" || name == exercise.name) {
      chosen.push_back(&exercise);
      for (const Curve& curve : curves.emplace_back(exercise.curves(options.setting)))
        session.runner().plan({curve.experiment});
    }

  std::vector<Publication> publications;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::vector<Experiment> experiments;
    std::vector<std::string> names;
    for (const Curve& curve : curves[i]) {
      experiments.push_back(curve.experiment);
      names.push_back(curve.name);
    }
    const std::vector<Run> runs = session.run(experiments);
    report::Document document = chosen[i]->write(runs, names);
    add_left_out(runs, names, document);
    publications.push_back({std::string(chosen[i]->name), document, to_csv(runs, names)});
    session.print(publications.back().document);
    publish(options.out, "Homework 1: federated learning", publications, "homework-1.ipynb");
  }
  std::cout << "\nIn " << options.out << ": report.html, homework-1.ipynb";
  for (const Publication& publication : publications)
    std::cout << ", " << publication.folder << '/';
  std::cout << "\n";
}

// Learns now, not after the run, that a result could not be written.
void require_writable_files(const std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  for (const fs::path file : files) {
    if (file.empty()) continue;
    if (fs::is_directory(file) || !file.has_filename())
      throw nn::InputError(nn::concat("cannot write ", file.string(), ": it is a folder"),
                           "name a file in it");
    if (!fs::exists(file) || fs::is_regular_file(file))
      nn::require_writable_folder(file.has_parent_path() ? file.parent_path() : ".");
  }
  if (!files[0].empty() && files[0] == files[1])
    throw nn::InputError(nn::concat(files[0], " cannot be both CSV and JSON"), "name two files");
}

void run_one(Options& options, bool has_batch) {
  Experiment& experiment = options.setting.base;
  experiment.training.batch = parse_batch(options.batch);
  if (experiment.method().is_full_batch && (experiment.training.batch != 0 && has_batch))
    throw nn::InputError(
        nn::concat(experiment.algorithm,
                   " takes one step over all samples of a client, not B = ", options.batch),
        "leave --batch out, or choose --algorithm fedavg");
  require_writable_files({options.csv, options.json});
  Session session(options);
  const std::vector<Run> runs = session.run({experiment});

  const Run& run = runs.front();
  const int left_out = count_left_out(run);
  report::Table table{describe(experiment), {"Round", "Message count", "Test accuracy"}, {}};
  if (left_out > 0) table.header.push_back("Left out");
  for (const char* column : {"Ideal time, s", "Time, s"}) table.header.push_back(column);
  for (const fl::Round& round : run.rounds) {
    auto& row = table.rows.emplace_back();
    row = {std::to_string(round.number), std::to_string(round.messages), percent(round.accuracy)};
    if (left_out > 0) row.push_back(std::to_string(round.left_out.size()));
    row.push_back(percent(round.ideal_seconds));
    row.push_back(percent(round.seconds));
  }
  const std::string name = curve_name(experiment);
  session.print({nn::concat("hw1 run: ", name),
                 {table, accuracy_plot("run", name, runs, std::vector{name})}});
  if (!options.csv.empty())
    nn::write_file_atomically(options.csv, to_csv(runs, {}, options.has_wall_time));
  if (!options.json.empty()) nn::write_file_atomically(options.json, to_json(run, options.threads));
}

// Returns whether all of it is within the tolerance.
bool compare(Options& options) {
  options.out = options.compare_out;
  nn::require_writable_folder(options.out);
  std::vector<Reference> references = read_results(options.reference, options.setting.base);
  std::vector<Experiment> experiments;
  for (Reference& reference : references) {
    int& rounds = reference.experiment.rounds;
    if (options.setting.rounds > 0) rounds = std::min(rounds, options.setting.rounds);
    experiments.push_back(reference.experiment);
  }
  Session session(options);
  const std::vector<Run> runs = session.run(experiments);
  const report::Document document = comparison(references, runs, options.tolerance);
  session.print(document);
  publish(options.out, document.title, std::vector<Publication>{{"", document, to_csv(runs)}});
  return std::ranges::all_of(references, [&](const Reference& reference) {
    const Run& run = runs[&reference - references.data()];
    return largest_difference(reference, run) <= options.tolerance + 1e-9;
  });
}

template <class Table>
CLI::IsMember names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return CLI::IsMember(names);
}

template <class Enum>
CLI::Option* add_choice(CLI::App* command, const std::string& name, Enum& value,
                        const std::map<std::string, Enum>& choices, const std::string& text) {
  return command
      ->add_option_function<std::string>(
          name, [&value, choices](const std::string& key) { value = choices.at(key); }, text)
      ->check(CLI::IsMember(choices));
}

void add_common_options(CLI::App* command, Options& options) {
  Experiment& base = options.setting.base;
  command->add_option("--seed", base.seed, "of the split, the weights and the masks: 10")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--threads", options.threads, "changes the time, never a number: all cores")
      ->check(CLI::Range(1, 1024));
  command->add_option("--model", base.model, "mnist_cnn or mlp: mnist_cnn")
      ->check(names_of(nn::model_table()));
  command->add_option("--dataset", options.dataset, "mnist or fashion: mnist")
      ->check(CLI::IsMember({"mnist", "fashion"}));
  command->add_option("--data", options.data_folder, "folder of the four files: data/raw/mnist");
  add_choice(command, "--dropout-rng", base.dropout,
             {{"mt", nn::DropoutStream::mt}, {"mkl", nn::DropoutStream::mkl}},
             "mt: PyTorch 2.7 and later; mkl: its x86 wheels before: mt");
  add_choice(command, "--sort", base.partition.sort,
             {{"introsort", fl::LabelSort::introsort}, {"stable", fl::LabelSort::stable}},
             "samples of one label before shards are cut: introsort, as NumPy up to 1.24");
}

void add_out(CLI::App* command, Options& options) {
  command->add_option("--out", options.out, "folder for the results: out");
}

void add_split(CLI::App* command, Options& options) {
  fl::Partition& partition = options.setting.base.partition;
  add_choice(
      command, "--split", partition.split,
      {{"iid", fl::Split::iid}, {"shards", fl::Split::shards}, {"dirichlet", fl::Split::dirichlet}},
      "iid, shards (two a client) or dirichlet: iid");
  command->add_option("--alpha", partition.alpha, "of dirichlet; small: uneven: 0.5");
}

CLI::App* add_run_command(CLI::App& app, Options& options) {
  Experiment& base = options.setting.base;
  CLI::App* run = app.add_subcommand("run", "any one configuration");
  run->add_option("--algorithm", base.algorithm, "fedsgd, fedsgd-weight, fedavg or centralized")
      ->check(names_of(fl::algorithm_table()));
  run->add_option("--clients,-N", base.clients, "how many clients share the data: 100");
  run->add_option("--fraction,-C", base.fraction, "share of them in a round: 0.1");
  run->add_option("--batch,-B", options.batch, "batch size of a client, or inf: 100");
  run->add_option("--epochs,-E", base.training.epochs, "local epochs of a client: 1");
  run->add_option("--lr", base.training.learning_rate, "learning rate: 0.01");
  run->add_option("--rounds", base.rounds, "how often clients and server meet: 10");
  add_split(run, options);
  run->add_option("--csv", options.csv, "file for the notebook's table");
  run->add_flag("--wall-time", options.has_wall_time, "with its column Wall time");
  run->add_option("--json", options.json, "file for everything that was measured");
  add_common_options(run, options);
  return run;
}

bool is_command(const CLI::App& app, const std::string& name) {
  const auto commands =
      app.get_subcommands([&](const CLI::App* c) { return c->get_name() == name; });
  return !commands.empty();
}

int run_command(int argc, char** argv) {
  Options options;
  CLI::App app("Federated learning on MNIST: the exercises of homework 1, part A.", "hw1");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  std::vector<CLI::App*> exercises;
  for (const auto& [name, text] : std::map<std::string, std::string>{
           {"a1", "FedSGD with gradients and with weights"},
           {"a2", "number of clients and client fraction"},
           {"a3", "local epochs, non-IID data, learning rate: plots and answers"},
           {"all", "a1, a2 and a3"}}) {
    CLI::App* command = exercises.emplace_back(app.add_subcommand(name, text));
    command->add_option("--rounds", options.setting.rounds, "instead of the exercise's own")
        ->check(CLI::PositiveNumber);
    add_common_options(command, options);
    add_out(command, options);
  }
  CLI::App* run = add_run_command(app, options);
  CLI::App* comparing =
      app.add_subcommand("compare", "run what a table of the notebook's says and compare");
  comparing->add_option("file", options.reference, "a table with the notebook's columns")
      ->required();
  comparing->add_option("--tolerance", options.tolerance, "in percentage points: 0.05")
      ->check(CLI::NonNegativeNumber);
  comparing->add_option("--rounds", options.setting.rounds, "at most")->check(CLI::PositiveNumber);
  add_split(comparing, options);
  add_common_options(comparing, options);
  comparing->add_option("--out", options.compare_out, "folder for the results: out/compare");

  // CLI11 would only say that a subcommand is missing.
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.starts_with('-') && !is_command(app, first))
    throw nn::InputError(first.empty() ? "name an exercise" : "there is no exercise " + first,
                         "choose a1, a2, a3, all, run or compare; hw1 --help says more");
  tools::parse(app, argc, argv);

  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  if (run->parsed()) return run_one(options, run->count("--batch") > 0), 0;
  if (comparing->parsed()) return compare(options) ? 0 : 1;
  for (const CLI::App* exercise : exercises)
    if (exercise->parsed()) run_exercises(options, exercise->get_name());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] {
    try {
      return run_command(argc, argv);
    } catch (const fl::Interrupted&) {
      std::cerr << "interrupted: finished exercises are kept, nothing is half-written\n";
      return 130;
    }
  });
}
