#include "tools/federated/experiment.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "fl/attacks/attacks.h"
#include "fl/clocks/clocks.h"
#include "fl/compression/compression.h"
#include "fl/defences/defences.h"
#include "nn/base/named_row.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "nn/models/models.h"
#include "tools/federated/extras.h"
#include "tools/federated/results.h"
#include "tools/federated/split_name.h"

namespace federated {

namespace {

void check(bool holds, const std::string& message, const std::string& hint) {
  if (!holds) throw nn::InputError(message, hint);
}

void check_known(bool is_known, std::string_view kind, const std::string& name) {
  check(is_known, nn::concat("there is no ", kind, ' ', name), "bin/federated list names them all");
}

// Null is what "none" is found as.
template <class Entry>
const Entry* known_or_none(const Entry* found, std::string_view kind, const std::string& name) {
  check_known(found || name == "none", kind, name);
  return found;
}

const nn::ModelEntry& find_model(const std::string& name) {
  const nn::ModelEntry* found = nn::find_row(nn::model_table(), name);
  check_known(found, "model", name);
  return *found;
}

// The models that take such examples: "mlp or logistic".
std::string models_for(nn::InputKind kind) {
  std::vector<std::string> names;
  for (const nn::ModelEntry& entry : nn::model_table())
    if (entry.takes(kind)) names.emplace_back(entry.name);
  return nn::join(names, ", ", " or ");
}

}  // namespace

const fl::AlgorithmEntry& Experiment::algorithm_entry() const {
  const fl::AlgorithmEntry* found = fl::find_algorithm(algorithm);
  check_known(found, "algorithm", algorithm);
  return *found;
}

const fl::DefenceEntry* Experiment::defence_entry() const {
  return known_or_none(fl::find_defence(defence), "defence", defence);
}

const fl::AttackEntry* Experiment::attack_entry() const {
  return known_or_none(fl::find_attack(attack), "attack", attack);
}

const fl::CompressionEntry* Experiment::compression_entry() const {
  return known_or_none(fl::find_compression(compression), "compression", compression);
}

const fl::ClockEntry* Experiment::clock_entry() const {
  return known_or_none(fl::find_clock(clock), "clock", clock);
}

fl::Config config_of(const Experiment& e) {
  return {.algorithm = &e.algorithm_entry(),
          .defence = e.defence_entry(),
          .attack = e.attack_entry(),
          .malicious = e.malicious,
          .compression = e.compression_entry(),
          .clock = e.clock_entry(),
          .options = e.options,
          .make_model = {},
          .clients = e.clients,
          .fraction = e.fraction,
          .training = e.training,
          .buffers = e.buffers,
          .held_out = e.held_out,
          .local_privacy = e.local_privacy,
          .partition = e.partition,
          .seed = e.seed,
          .dropout = e.dropout,
          .precision = e.precision};
}

fl::Config config_of(const Experiment& e, const data::Examples& examples) {
  const nn::Shape shape = examples.shape(1);
  const nn::InputShape input = shape.rank() == 4 ? nn::InputShape{shape[1], shape[2], shape[3]}
                                                 : nn::InputShape{1, 1, shape[1]};
  fl::Config config = config_of(e);
  config.make_model = [make = find_model(e.model).make, classes = examples.class_count(),
                       input](nn::Generator& generator) { return make(input, classes, generator); };
  return config;
}

std::vector<fl::OptionUser> Experiment::option_users() const {
  return fl::option_users(config_of(*this));
}

Experiment settled(Experiment e) {
  if (e.algorithm_entry().is_full_batch) e.training.batch = 0, e.training.epochs = 1;
  e.options = fl::with_presets(e.option_users(), e.options);
  if (!e.algorithm_entry().is_federated) e.clients = 1, e.fraction = 1, e.partition = {};
  return e;
}

Experiment with_clients_of(const data::Examples& train, Experiment e) {
  const std::size_t natural = train.natural_clients().size();
  if (e.takes_natural_clients && natural > 0) e.clients = static_cast<int>(natural);
  e.takes_natural_clients = false;
  return e;
}

std::string describe(const Experiment& experiment) {
  const Experiment e = settled(experiment);
  const std::string options = option_text(e), extras = extras_text(e);
  return nn::concat(
      e.algorithm, ' ', options, options.empty() ? "" : " ", e.model, " N=", e.clients,
      " C=", number(e.fraction), " B=", batch_text(e.training.batch), " E=", e.training.epochs,
      " η=", number(e.training.learning_rate), ' ', split_name(e.partition), " seed=", e.seed,
      e.dropout == nn::DropoutStream::mkl ? " dropout=mkl" : "", extras.empty() ? "" : " ", extras);
}

std::string option_text(const Experiment& experiment) {
  std::string text;
  for (const auto& [name, value] : fl::with_presets(experiment.option_users(), experiment.options))
    text += nn::concat(text.empty() ? "" : " ", name, '=', number(value));
  return text;
}

std::optional<fl::OptionValues> parse_options(const std::string& text) {
  fl::OptionValues options;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos) return {};
    const auto value = nn::parse_number<double>(std::string_view(word).substr(equals + 1));
    if (!value) return {};
    options[word.substr(0, equals)] = *value;
  }
  return options;
}

void validate(const Experiment& e) {
  find_model(e.model);
  nn::require_machine_for(e.precision);
  check(e.clients >= 1, nn::concat("N = ", e.clients, " clients train nothing"),
        "choose --clients 1 or more");
  check(e.fraction > 0 && e.fraction <= 1, nn::concat("C = ", e.fraction, " is outside (0, 1]"),
        "C is the share of the clients in a round: --fraction 0.1");
  check(e.rounds >= 1, nn::concat(e.rounds, " rounds leave nothing to train"),
        "choose --rounds 1 or more");
  check(e.test_every >= 1, nn::concat("a test every ", e.test_every, " rounds makes no sense"),
        "choose --test-every 1 or more");
  check(e.target || !e.stops_at_target, "--stop-at-target does not say where to stop",
        "name a test accuracy in percent: --target 97");
  check(e.training.batch >= 0, nn::concat("B = ", e.training.batch, " is not a batch size"),
        "choose --batch 1 or more, or inf for all of a client's samples");
  check(e.training.epochs >= 1, nn::concat("E = ", e.training.epochs, " epochs train nothing"),
        "choose --epochs 1 or more");
  check(std::isfinite(e.training.learning_rate) && e.training.learning_rate > 0,
        nn::concat("the learning rate ", e.training.learning_rate, " is not a number above 0"),
        "choose --lr 0.01, say");
  check(e.partition.alpha > 0 && e.partition.alpha <= 1e6,
        nn::concat("alpha = ", e.partition.alpha, " is outside (0, 1000000]"),
        "small alphas give each client few labels, large ones all: --alpha 0.5");
  check(e.partition.labels_per_client >= 1,
        nn::concat(e.partition.labels_per_client, " labels a client leave nothing to train"),
        "choose --labels-per-client 1 or more");
  check(e.partition.feature_noise >= 0 && e.partition.feature_noise <= 100,
        nn::concat("a feature noise of ", e.partition.feature_noise, " is outside [0, 100]"),
        "it is a standard deviation, of pixels from 0 to 1: --feature-noise 0.1");
  const fl::LocalTraining& t = e.training;
  check(t.steps >= 0, nn::concat(t.steps, " local steps train nothing"),
        "choose --local-steps 1 or more, or --epochs");
  check(t.momentum >= 0 && t.momentum < 1,
        nn::concat("momentum ", t.momentum, " is outside [0, 1)"), "choose --momentum 0.9, say");
  check(t.weight_decay >= 0 && t.weight_decay <= 1,
        nn::concat("weight decay ", t.weight_decay, " is outside [0, 1]"),
        "choose --weight-decay 0.0001, say");
  check(t.decay > 0 && t.decay <= 1, nn::concat("lr-decay ", t.decay, " is outside (0, 1]"),
        "it is the factor from each round to the next: --lr-decay 0.99");
  check(e.held_out >= 0 && e.held_out < 1,
        nn::concat("a held-out share of ", e.held_out, " is outside [0, 1)"),
        "it is kept from each client's training: --held-out 0.2");
  const fl::LocalPrivacy& privacy = e.local_privacy;
  for (const auto& [name, value] : {std::pair("clip", privacy.clip), {"noise", privacy.noise}})
    check(value >= 0 && value <= 1e9,
          nn::concat("--ldp-", name, ": ", value, " is not a number from 0 to 1e9"),
          "choose --ldp-clip 1 --ldp-noise 0.1, say");
  check(privacy.clip > 0 || privacy.noise == 0, "--ldp-noise is a multiple of a clip",
        "say how long a change may be: --ldp-clip 1");
  check(e.malicious.share >= 0 && e.malicious.share <= 1,
        nn::concat("a share of ", e.malicious.share, " malicious clients is outside [0, 1]"),
        "choose --malicious 0.2, or name clients: --malicious 3,25,28");
  const bool has_malicious = e.malicious.share > 0 || !e.malicious.clients.empty();
  check(!e.attack_entry() || has_malicious,
        nn::concat("no client is malicious, but --attack is ", e.attack),
        "say who is: --malicious 0.2, or --malicious 3,25,28");
  check(e.attack_entry() || !has_malicious, "malicious clients without an attack do nothing",
        "choose --attack reversion, say, or leave --malicious out");
  if (e.takes_natural_clients) return;
  for (int client : e.malicious.clients) {
    check(client >= 0 && client < e.clients,
          nn::concat("there is no client ", client, " to be malicious"),
          nn::concat("clients have the numbers 0 to ", e.clients - 1));
    check(std::ranges::count(e.malicious.clients, client) == 1,
          nn::concat("--malicious names client ", client, " twice"), "leave one out");
  }
  fl::check_choices(config_of(e));
}

void validate(const Experiment& experiment, const data::Task& dataset) {
  validate(experiment);
  const Experiment e = settled(experiment);  // without federation there is one client
  const nn::InputKind kind = dataset.train.kind();
  const std::string_view examples = data::plural(kind);
  check(find_model(e.model).takes(kind),
        nn::concat("the model ", e.model, " does not take ", examples),
        "choose --model " + models_for(kind));
  check(
      e.clients <= dataset.train.size(),
      nn::concat("N = ", e.clients, " clients cannot share ", dataset.train.size(), ' ', examples),
      nn::concat("choose --clients from 1 to ", dataset.train.size()));
  check(e.partition.split != fl::Split::shards || 2 * e.clients <= dataset.train.size(),
        nn::concat("N = ", e.clients, " clients cannot have two shards each of ",
                   dataset.train.size(), ' ', examples),
        nn::concat("choose --clients up to ", dataset.train.size() / 2));
  check(e.held_out == 0 || e.held_out * dataset.train.size() >= e.clients,
        nn::concat("a held-out share of ", e.held_out, " is less than an example for each of ",
                   e.clients, " clients"),
        "choose a larger --held-out, or fewer --clients");
  const std::span<const std::uint8_t> groups = dataset.train.groups();
  const int classes = groups.empty() ? 0 : *std::ranges::max_element(groups) + 1;
  check(e.partition.split != fl::Split::labels || e.partition.labels_per_client <= classes,
        nn::concat(e.partition.labels_per_client, " labels a client are more than the ", classes,
                   " of the data"),
        nn::concat("choose --labels-per-client from 1 to ", classes));
  check(e.partition.split != fl::Split::feature_noise || kind == nn::InputKind::images,
        nn::concat("feature noise is for images, and the examples are ", examples),
        "choose another --split");
  const auto has_buffers = [&] {
    nn::Generator unused(e.seed);
    return !config_of(e, dataset.train).make_model(unused)->parameters().buffers().empty();
  };
  check(e.buffers == fl::Buffers::averaged || has_buffers(),
        nn::concat("the model ", e.model, " has no buffers that could be local"),
        "leave --buffers out: only batch normalisation has buffers");
  check(!e.algorithm_entry().needs_buffers || has_buffers(),
        nn::concat(e.algorithm, " keeps batch normalisation, and the model ", e.model, " has none"),
        "choose --model cifar_cnn_bn, or --algorithm fedavg, which would do the same");
}

}  // namespace federated
