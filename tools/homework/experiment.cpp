#include "tools/homework/experiment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "nn/models/models.h"
#include "tools/homework/results.h"

namespace homework {

namespace {

const nn::ModelEntry& find_model(const std::string& name) {
  const auto found = std::ranges::find(nn::model_table(), name, &nn::ModelEntry::name);
  nn::require(found != nn::model_table().end(), "there is no model ", name);
  return *found;
}

nn::ModelFactory model_factory(const std::string& name, const data::ImageDataset& dataset) {
  const data::ImageSet& images = dataset.train;
  return [make = find_model(name).make, classes = dataset.classes,
          input = nn::InputShape{images.channels, images.height, images.width}](
             nn::Generator& generator) { return make(input, classes, generator); };
}

}  // namespace

std::string split_name(const fl::Partition& partition) {
  switch (partition.split) {
    case fl::Split::iid:
      return "iid";
    case fl::Split::shards:
      return partition.sort == fl::LabelSort::stable ? "shards (stable sort)" : "shards";
    case fl::Split::dirichlet:
      return "dirichlet(" + number(partition.alpha) + ")";
  }
  return "?";
}

std::optional<fl::Partition> parse_split(const std::string& name, fl::Partition base) {
  constexpr std::string_view opening = "dirichlet(";
  if (name == "iid") {
    base.split = fl::Split::iid;
  } else if (name == "shards") {
    base.split = fl::Split::shards;
  } else if (name == "shards (stable sort)") {
    base = {fl::Split::shards, fl::LabelSort::stable, base.alpha};
  } else if (name.starts_with(opening) && name.ends_with(')')) {
    base.split = fl::Split::dirichlet;
    const char *first = name.data() + opening.size(), *last = name.data() + name.size() - 1;
    const auto [end, error] = std::from_chars(first, last, base.alpha);
    if (error != std::errc() || end != last) return {};
  } else {
    return {};
  }
  return base;
}

const fl::AlgorithmEntry& Experiment::method() const {
  const fl::AlgorithmEntry* found = fl::find_algorithm(algorithm);
  nn::require(found, "there is no algorithm ", algorithm);
  return *found;
}

Experiment settled(Experiment e) {
  if (e.method().is_full_batch) e.training.batch = 0, e.training.epochs = 1;
  e.options = fl::with_presets(e.method(), e.options);
  if (!e.method().is_federated) e.clients = 1, e.fraction = 1, e.partition = {};
  return e;
}

std::string describe(const Experiment& experiment) {
  const Experiment e = settled(experiment);
  const std::string options = option_text(e);
  return nn::concat(e.algorithm, ' ', options, options.empty() ? "" : " ", e.model,
                    " N=", e.clients, " C=", number(e.fraction),
                    " B=", batch_text(e.training.batch), " E=", e.training.epochs,
                    " η=", number(e.training.learning_rate), ' ', split_name(e.partition),
                    " seed=", e.seed, e.dropout == nn::DropoutStream::mkl ? " dropout=mkl" : "");
}

std::string option_text(const Experiment& experiment) {
  std::string text;
  for (const auto& [name, value] : fl::with_presets(experiment.method(), experiment.options))
    text += nn::concat(text.empty() ? "" : " ", name, '=', number(value));
  return text;
}

std::optional<fl::OptionValues> parse_options(const std::string& text) {
  fl::OptionValues options;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos) return {};
    double& value = options[word.substr(0, equals)];
    const char *first = word.data() + equals + 1, *last = word.data() + word.size();
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc() || end != last) return {};
  }
  return options;
}

static void check(bool holds, const std::string& message, const std::string& hint) {
  if (!holds) throw nn::InputError(message, hint);
}

void validate(const Experiment& e) {
  check(e.clients >= 1, nn::concat("N = ", e.clients, " clients train nothing"),
        "choose --clients 1 or more");
  check(e.fraction > 0 && e.fraction <= 1, nn::concat("C = ", e.fraction, " is outside (0, 1]"),
        "C is the share of the clients in a round: --fraction 0.1");
  check(e.rounds >= 1, nn::concat(e.rounds, " rounds leave nothing to train"),
        "choose --rounds 1 or more");
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
  fl::check_options(e.method(), e.options);
}

void validate(const Experiment& e, const data::ImageDataset& dataset) {
  validate(e);
  check(e.clients <= dataset.train.size(),
        nn::concat("N = ", e.clients, " clients cannot share ", dataset.train.size(), " images"),
        nn::concat("choose --clients from 1 to ", dataset.train.size()));
  check(e.partition.split != fl::Split::shards || 2 * e.clients <= dataset.train.size(),
        nn::concat("N = ", e.clients, " clients cannot have two shards each of ",
                   dataset.train.size(), " images"),
        nn::concat("choose --clients up to ", dataset.train.size() / 2));
}

Runner::Entry& Runner::entry_of(const Experiment& experiment) {
  const std::string name = describe(experiment);
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found != entries_.end() ? *found
                                 : entries_.emplace_back(Entry{name, settled(experiment), {}});
}

void Runner::plan(const std::vector<Experiment>& experiments) {
  for (const Experiment& experiment : experiments) {
    validate(experiment, dataset_);
    int& rounds = entry_of(experiment).experiment.rounds;
    rounds = std::max(rounds, experiment.rounds);
  }
}

Run Runner::run(const Experiment& experiment) {
  plan({experiment});
  Entry& entry = entry_of(experiment);
  if (!is_stopped() && static_cast<int>(entry.rounds.size()) < entry.experiment.rounds) play(entry);
  Run run{settled(experiment), entry.rounds};
  run.rounds.resize(std::min<std::size_t>(experiment.rounds, run.rounds.size()));
  return run;
}

void Runner::play(Entry& entry) {
  const Experiment& e = entry.experiment;
  entry.rounds.clear();
  fl::Config config{.algorithm = &e.method(),
                    .options = e.options,
                    .make_model = model_factory(e.model, dataset_),
                    .clients = e.clients,
                    .fraction = e.fraction,
                    .training = e.training,
                    .partition = e.partition,
                    .seed = e.seed,
                    .dropout = e.dropout,
                    .threads = options_.threads};
  const auto show = [&](const std::string& detail) {
    if (options_.bar)
      options_.bar->update(nn::concat(curve_name(e), " N=", e.clients, " C=", number(e.fraction)),
                           static_cast<int>(entry.rounds.size()), e.rounds, detail);
  };
  const std::string identity = nn::concat(entry.name, ' ', dataset_.name,
                                          sizeof(nn::real) == 4 ? " in float" : " in double");
  fl::Server server(std::move(config), dataset_);
  if (options_.bar) options_.bar->clear();  // there may be something to say
  const std::unique_ptr<SavedRun> saved =
      options_.open_saved ? options_.open_saved(identity) : nullptr;
  if (saved) entry.rounds = saved->restore(identity, server);
  show("");
  while (static_cast<int>(entry.rounds.size()) < e.rounds && !is_stopped()) {
    const fl::Round& round = entry.rounds.emplace_back(server.play_round());
    if (options_.log && !round.excluded.empty()) {
      if (options_.bar) options_.bar->clear();
      *options_.log << warning(entry.name, round);
    }
    if (saved) saved->save(identity, entry.rounds, server);
    show(nn::concat(percent(round.accuracy), " %"));
  }
}

}  // namespace homework
