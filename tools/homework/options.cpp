#include "tools/homework/options.h"

#include <algorithm>
#include <charconv>
#include <list>
#include <optional>
#include <thread>

#include "nn/models/models.h"
#include "tools/program/options.h"

namespace homework {

// What a run is given of its local training: FedSGD fixes both.
struct GivenTraining {
  std::optional<std::string> batch;  // a number or inf
  std::optional<int> epochs;
};

// An option of one or more algorithms, and what it is given.
struct GivenOption {
  std::string name, text;
  std::optional<double> value = {};
};

namespace {

int parse_batch(const std::string& text) {
  int batch = -1;
  if (text == "inf" || text == "∞") return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), batch);
  if (error != std::errc() || end != text.data() + text.size() || batch < 1)
    throw nn::InputError(nn::concat("B = ", text, " is not a batch size"),
                         "choose --batch 1 or more, or inf for all of a client's samples");
  return batch;
}

void set_training(const GivenTraining& given, Experiment& experiment) {
  fl::LocalTraining& training = experiment.training;
  if (given.batch) training.batch = parse_batch(*given.batch);
  training.epochs = given.epochs.value_or(training.epochs);
  const Experiment usual;
  if (!experiment.method().is_federated &&
      (experiment.clients != usual.clients || experiment.fraction != usual.fraction ||
       experiment.partition.split != usual.partition.split))
    throw nn::InputError(
        experiment.algorithm + " is one party that has all the samples",
        "leave --clients, --fraction and --split out, or choose another --algorithm");
  if (!experiment.method().is_full_batch) return;
  const std::string one_step =
      experiment.algorithm + " takes one step over all samples of a client";
  if (given.batch && training.batch != 0)
    throw nn::InputError(nn::concat(one_step, ", not B = ", training.batch),
                         "leave --batch out, or choose --algorithm fedavg");
  if (training.epochs != 1)
    throw nn::InputError(nn::concat(one_step, ", not E = ", training.epochs, " epochs"),
                         "leave --epochs out, or choose --algorithm fedavg");
}

// The options of all algorithms, each with its algorithms and their presets: "learning rate of the
// server; fedadam: 0.01, scaffold: 1".
std::list<GivenOption> options_of_algorithms() {
  std::list<GivenOption> options;
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table())
    for (const fl::AlgorithmOption& option : algorithm.options) {
      auto found = std::ranges::find(options, option.name, &GivenOption::name);
      if (found == options.end())
        found = options.insert(options.end(),
                               {std::string(option.name), nn::concat(option.description, ';')});
      found->text +=
          nn::concat(found->text.ends_with(';') ? " " : ", ", algorithm.name, ": ", option.preset);
    }
  return options;
}

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

void add_common(tools::Options& command, Options& options) {
  Experiment& base = options.setting.base;
  command.add("--seed", base.seed, "of the split, the weights and the masks")
      .between(std::uint64_t{0}, tools::largest_seed);
  command.add("--threads", options.threads, "changes the time, never a number; all cores")
      .between(1, 1024);
  command.add("--model", base.model, "mnist_cnn or mlp").among(names_of(nn::model_table()));
  command.add("--dataset", options.dataset, "mnist or fashion").among({"mnist", "fashion"});
  command.add("--data", options.data_folder, "folder of the four files: data/raw/mnist");
  command.add("--dropout-rng", base.dropout,
              {{"mt", nn::DropoutStream::mt}, {"mkl", nn::DropoutStream::mkl}},
              "mt: PyTorch 2.7 and later; mkl: its x86 wheels before");
  command.add("--sort", base.partition.sort,
              {{"introsort", fl::LabelSort::introsort}, {"stable", fl::LabelSort::stable}},
              "of one label's samples before shards are cut, as NumPy does up to 1.24");
}

void add_split(tools::Options& command, Options& options) {
  fl::Partition& partition = options.setting.base.partition;
  command.add(
      "--split", partition.split,
      {{"iid", fl::Split::iid}, {"shards", fl::Split::shards}, {"dirichlet", fl::Split::dirichlet}},
      "iid, shards (two a client) or dirichlet");
  command.add("--alpha", partition.alpha, "of dirichlet; small: uneven");
}

void add_run(tools::Options command, Options& options, GivenTraining& given,
             std::list<GivenOption>& algorithm_options) {
  Experiment& base = options.setting.base;
  command.add("--algorithm", base.algorithm, "what clients and server do")
      .among(names_of(fl::algorithm_table()));
  command.add("--clients,-N", base.clients, "how many clients share the data");
  command.add("--fraction,-C", base.fraction, "share of them in a round");
  command.add("--batch,-B", given.batch, "batch size of a client, or inf: 100");
  command.add("--epochs,-E", given.epochs, "local epochs of a client: 1");
  command.add("--lr", base.training.learning_rate, "learning rate");
  command.add("--rounds", base.rounds, "how often clients and server meet");
  for (GivenOption& option : algorithm_options)
    command.add("--" + option.name, option.value, option.text);
  add_split(command, options);
  command
      .add("--csv", options.csv,
           "file for the notebook's table; without --json, what that writes goes to FILE.json")
      .not_empty();
  command.add("--wall-time", options.has_wall_time, "with its column Wall time");
  command.add("--json", options.json, "file for everything that was measured").not_empty();
  command.add("--checkpoint", options.checkpoint, "folder to save the run in after every round")
      .not_empty();
  command.add("--resume", options.may_resume, "go on with the run that is there, if there is one");
  add_common(command, options);
}

void add_compare(tools::Options command, Options& options, std::string& out) {
  command.add("file", options.reference, "a table with the notebook's columns").required();
  command.add("--tolerance", options.tolerance, "in percentage points").between(0.0, 100.0);
  command.add("--rounds", options.setting.rounds, "at most").between(1, 1'000'000'000);
  add_split(command, options);
  add_common(command, options);
  command.add("--out", out, "folder for the results");
}

void add_exercise(tools::Options command, Options& options) {
  command.add("--rounds", options.setting.rounds, "instead of the exercise's own")
      .between(1, 1'000'000'000);
  add_common(command, options);
  command.add("--out", options.out, "folder for the results");
}

}  // namespace

// The parser and what it sets, which begins as it is here.
struct CommandLine::Parts {
  struct Values {
    Values() {
      options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
      options.out = "out";
    }

    Options options;
    GivenTraining given;                      // run
    std::string compare_out = "out/compare";  // compare
  };

  Values values;
  std::list<GivenOption> algorithm_options = options_of_algorithms();  // run
  tools::Options parser{"hw1", "Federated learning on MNIST: the exercises of homework 1, part A."};
};

CommandLine::CommandLine() : parts_(std::make_unique<Parts>()) {
  auto& [values, algorithm_options, parser] = *parts_;
  auto& [options, given, compare_out] = values;
  for (const auto& [name, text] :
       {std::pair{"a1", "FedSGD with gradients and with weights"},
        {"a2", "number of clients and client fraction"},
        {"a3", "local epochs, non-IID data, learning rate: plots and answers"},
        {"all", "a1, a2 and a3"}})
    add_exercise(parser.add_command(name, text), options);
  add_run(parser.add_command("run", "any one configuration"), options, given, algorithm_options);
  add_compare(parser.add_command("compare", "run what a table of the notebook's says and compare"),
              options, compare_out);
}

CommandLine::~CommandLine() = default;

Options CommandLine::parse(int argc, char** argv) {
  parts_->values = Parts::Values();
  auto& [options, given, compare_out] = parts_->values;
  for (GivenOption& option : parts_->algorithm_options) option.value.reset();
  options.command = parts_->parser.parse(argc, argv);
  if (options.command == "compare") options.out = compare_out;
  if (options.command == "run") {
    Experiment& experiment = options.setting.base;
    set_training(given, experiment);
    for (const GivenOption& option : parts_->algorithm_options)
      if (option.value) experiment.options[option.name] = *option.value;
    validate(experiment);
  }
  if (options.may_resume && options.checkpoint.empty())
    throw nn::InputError("--resume does not say what", "name its folder: --checkpoint out/run");
  return options;
}

}  // namespace homework
