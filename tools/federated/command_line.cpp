#include "tools/federated/command_line.h"

#include <algorithm>
#include <initializer_list>
#include <thread>
#include <utility>

#include "fl/attacks/attacks.h"
#include "fl/clocks/clocks.h"
#include "fl/compression/compression.h"
#include "fl/defences/defences.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "nn/models/models.h"
#include "tools/federated/extras.h"
#include "tools/program/dropout_rng.h"

namespace federated {

using tools::names_of;

namespace {

int parse_batch(const std::string& text) {
  if (text == "inf" || text == "∞") return 0;
  const auto batch = nn::parse_number<int>(text);
  if (!batch || *batch < 1)
    throw nn::InputError(nn::concat("B = ", text, " is not a batch size"),
                         "choose --batch 1 or more, or inf for all of a client's samples");
  return *batch;
}

fl::Malicious malicious_of(const std::string& text) {
  const auto malicious = parse_malicious(text);
  if (!malicious)
    throw nn::InputError(nn::concat("--malicious: ", text, " is neither a share nor a client"),
                         "choose --malicious 0.2, or name clients: --malicious 3,25,28");
  return *malicious;
}

// What a full batch or a single party leaves no choice of.
void check_fixed(const Experiment& experiment, bool has_batch) {
  const fl::LocalTraining& training = experiment.training;
  const Experiment usual;
  if (!experiment.algorithm_entry().is_federated &&
      (experiment.clients != usual.clients || experiment.fraction != usual.fraction ||
       experiment.partition.split != usual.partition.split))
    throw nn::InputError(
        experiment.algorithm + " is one party that has all the samples",
        "leave --clients, --fraction and --split out, or choose another --algorithm");
  if (!experiment.algorithm_entry().is_federated)
    for (const auto& [is_given, option] :
         {std::pair(experiment.compression != "none", "--compression"),
          {experiment.defence != "none", "--defence"},
          {experiment.attack != "none", "--attack"},
          {experiment.local_privacy.clip != 0, "--ldp-clip"}})
      if (is_given)
        throw nn::InputError(
            nn::concat(experiment.algorithm, " is one party: it does not use ", option),
            nn::concat("leave ", option, " out, or choose another --algorithm"));
  if (!experiment.algorithm_entry().is_full_batch) return;
  const std::string one_step =
      experiment.algorithm + " takes one step over all samples of a client";
  if (has_batch && training.batch != 0)
    throw nn::InputError(nn::concat(one_step, ", not B = ", training.batch),
                         "leave --batch out, or choose --algorithm fedavg");
  if (training.epochs != 1)
    throw nn::InputError(nn::concat(one_step, ", not E = ", training.epochs, " epochs"),
                         "leave --epochs out, or choose --algorithm fedavg");
  for (const auto& [is_given, option] : {std::pair(training.steps != 0, "--local-steps"),
                                         {training.momentum != 0, "--momentum"},
                                         {training.weight_decay != 0, "--weight-decay"},
                                         {training.is_shuffled, "--shuffle"}})
    if (is_given)
      throw nn::InputError(nn::concat(one_step, ": it does not use ", option),
                           nn::concat("leave ", option, " out, or choose --algorithm fedavg"));
}

// A rate was given for a clip that follows a quantile.
void require_quantile(const fl::OptionValues& options) {
  const auto quantile = options.find("dp-clip-quantile");
  if (options.contains("dp-clip-rate") && (quantile == options.end() || quantile->second == 0))
    throw nn::InputError(
        "--dp-clip-rate is how fast the clip follows a quantile, and there is none",
        "leave it out, or choose --dp-clip-quantile 0.5");
}

// A value that was changed although the split has no use for it was meant for another split.
void require_used(const fl::Partition& partition) {
  const fl::Partition preset;
  const auto require_used = [&](const char* option, auto value, auto usual,
                                std::initializer_list<fl::Split> users) {
    if (value == usual || std::ranges::count(users, partition.split)) return;
    std::vector<std::string> names;
    for (const fl::Split user : users) names.emplace_back(fl::name_of(user));
    throw nn::InputError(
        nn::concat("the split ", fl::name_of(partition.split), " does not use ", option),
        nn::concat("leave it out, or choose --split ", nn::join(names, ", ", " or ")));
  };
  require_used("--sort", partition.sort, preset.sort, {fl::Split::shards});
  require_used("--alpha", partition.alpha, preset.alpha,
               {fl::Split::dirichlet, fl::Split::quantity});
  require_used("--labels-per-client", partition.labels_per_client, preset.labels_per_client,
               {fl::Split::labels});
  require_used("--feature-noise", partition.feature_noise, preset.feature_noise,
               {fl::Split::feature_noise});
}

}  // namespace

Resources::Resources()
    : threads(static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {}

void add_common(tools::Options& command, Experiment& base, Resources& resources) {
  std::vector<std::pair<std::string, nn::Precision>> precisions;
  for (const nn::PrecisionName& row : nn::precision_table())
    precisions.emplace_back(row.name, row.precision);
  command.add("--seed", base.seed, "of the split, the weights and the masks")
      .between(std::uint64_t{0}, tools::largest_seed);
  command
      .add("--threads", resources.threads,
           "for speed only, results stay the same; all cores, or this rank's share")
      .between(1, 1024);
  command.add("--model", base.model, "what is trained").among(names_of(nn::model_table()));
  command
      .add("--dataset", resources.data.name,
           nn::join(names_of(dataset_table()), ", ") + ", or a folder of your own images")
      .in_any_case(names_of(dataset_table()));
  command.add("--data", resources.data.from,
              "folder of the data set's files, or the table: data/raw/NAME");
  command.add("--pixels", resources.data.pixels,
              {{"standard", Pixels::standard}, {"unit", Pixels::unit}},
              "of images: with mean 0 and deviation 1, or from 0 to 1");
  command.add("--label", resources.data.format.label, "of table: the column of the classes");
  command
      .add("--categorical", resources.data.format.categorical,
           "of table: columns whose values have no order: sex,cp")
      .separated_by(',');
  tools::add_dropout_rng(command, base.dropout);
  command.add("--precision", base.precision, precisions,
              "factors of matrix products, and of convolutions with 16, 32, … channels: float, or "
              "rounded to bf16; bf16-plain: the same bits on any processor, slowly");
  command.add("--sort", base.partition.sort,
              {{"introsort", fl::LabelSort::introsort}, {"stable", fl::LabelSort::stable}},
              "of one label's samples before shards are cut, as NumPy does up to 1.24");
}

void add_split(tools::Options& command, fl::Partition& partition) {
  std::vector<std::pair<std::string, fl::Split>> choices;
  for (const fl::SplitEntry& entry : fl::split_table())
    choices.emplace_back(entry.name, entry.split);
  command.add("--split", partition.split, choices, "how the clients share the data");
  command.add("--alpha", partition.alpha, "of dirichlet and quantity; small: uneven");
  command.add("--labels-per-client", partition.labels_per_client, "of labels");
  command.add("--feature-noise", partition.feature_noise,
              "of feature-noise: of the last client, of pixels from 0 to 1");
}

void add_compare(tools::Options& command, Comparison& comparison, Resources& resources) {
  command.add("file", comparison.reference, "a table with the notebook's columns").required();
  command.add("--tolerance", comparison.tolerance, "in percentage points").between(0.0, 100.0);
  command.add("--rounds", comparison.rounds, "at most").between(1, 1'000'000'000);
  add_split(command, comparison.base.partition);
  add_common(command, comparison.base, resources);
  command.add("--out", comparison.out, "folder for the results");
}

// Each with the rows that use it and their presets: "learning rate of the server; fedadam: 0.01,
// scaffold: 1".
std::list<RunArguments::GivenOption> RunArguments::options_of_all() {
  std::list<GivenOption> options;
  for (const auto& [row, used] : fl::option_users())
    for (const fl::Option& option : used) {
      auto found = std::ranges::find(options, option.name, &GivenOption::name);
      if (found == options.end())
        found = options.insert(
            options.end(),
            {std::string(option.name), nn::concat(option.description, ';'), option.is_whole});
      found->text += nn::concat(found->text.ends_with(';') ? " " : ", ", row, ": ", option.preset);
    }
  return options;
}

void RunArguments::add_to(tools::Options& command, Experiment& experiment) {
  fl::LocalTraining& training = experiment.training;
  command.add("--algorithm", experiment.algorithm, "what clients and server do")
      .among(names_of(fl::algorithm_table()));
  command.add("--clients,-N", given_.clients,
              nn::concat("how many clients share the data: ", experiment.clients,
                         ", or as many as a natural split has"));
  command.add("--fraction,-C", experiment.fraction, "share of them in a round");
  command.add("--batch,-B", given_.batch, "batch size of a client, or inf: 100");
  command.add("--epochs,-E", given_.epochs, "local epochs of a client: 1");
  command.add("--local-steps", given_.steps, "batches of a client in a round, instead of epochs");
  command.add("--lr", training.learning_rate, "learning rate");
  command.add("--lr-decay", training.decay, "factor on it from each round to the next");
  command.add("--momentum", training.momentum, "of the clients' SGD");
  command.add("--weight-decay", training.weight_decay, "of the clients' SGD");
  command.add("--shuffle", training.is_shuffled, "every epoch in another order");
  command.add("--buffers", experiment.buffers,
              {{"averaged", fl::Buffers::averaged}, {"local", fl::Buffers::local}},
              "running statistics: averaged by the server, or local to each client");
  command.add("--held-out", experiment.held_out,
              "share of each client's samples that test its model instead of training it");
  command.add("--rounds", experiment.rounds, "rounds of training");
  command
      .add("--target", experiment.target, "test accuracy in percent: says which round reaches it")
      .between(0.0, 100.0);
  command.add("--stop-at-target", experiment.stops_at_target,
              "play no round after the one that reaches --target");
  command.add("--test-every", experiment.test_every,
              "test after every so many rounds, and after the last");
  command.add("--defence", experiment.defence, "how the server aggregates; none: the mean")
      .among(names_of(fl::defence_table(), {"none"}));
  command.add("--attack", experiment.attack, "what malicious clients do")
      .among(names_of(fl::attack_table(), {"none"}));
  command.add("--malicious", given_.malicious,
              "a share of all clients such as 0.2, or client 3, or clients 3,25,28");
  command.add("--ldp-clip", experiment.local_privacy.clip,
              "largest L2 norm of a change, bounded by its client; 0: none");
  command.add("--ldp-noise", experiment.local_privacy.noise,
              "noise that clients add, as a multiple of --ldp-clip");
  command.add("--compression", experiment.compression, "how clients shorten what they send")
      .among(names_of(fl::compression_table(), {"none"}));
  command.add("--clock", experiment.clock, "how to simulate time; none: not at all")
      .among(names_of(fl::clock_table(), {"none"}));
  for (GivenOption& option : options_) {
    tools::Option added = command.add("--" + option.name, option.value, option.text);
    if (option.is_whole) added.shown_as("INT");
  }
  add_split(command, experiment.partition);
}

void RunArguments::reset() {
  given_ = {};
  for (GivenOption& option : options_) option.value.reset();
}

void RunArguments::apply(Experiment& experiment) const {
  fl::LocalTraining& training = experiment.training;
  experiment.clients = given_.clients.value_or(experiment.clients);
  experiment.takes_natural_clients =
      !given_.clients && experiment.partition.split == fl::Split::natural;
  if (given_.batch) training.batch = parse_batch(*given_.batch);
  if (given_.epochs && given_.steps)
    throw nn::InputError("--epochs and --local-steps are two lengths of the same training",
                         "leave one of them out");
  training.epochs = given_.epochs.value_or(training.epochs);
  if (given_.steps && *given_.steps < 1)
    throw nn::InputError(nn::concat(*given_.steps, " local steps train nothing"),
                         "choose --local-steps 1 or more");
  training.steps = given_.steps.value_or(training.steps);
  check_fixed(experiment, given_.batch.has_value());
  require_used(experiment.partition);
  if (given_.malicious) experiment.malicious = malicious_of(*given_.malicious);
  for (const GivenOption& option : options_)
    if (option.value) experiment.options[option.name] = *option.value;
  validate(experiment);
  require_quantile(experiment.options);
}

}  // namespace federated
