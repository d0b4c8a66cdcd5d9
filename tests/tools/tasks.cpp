// Federated learning of texts and of rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/tables/rows.h"
#include "data/text/characters.h"
#include "fl/server.h"
#include "fl/workers/client_worker.h"
#include "nn/models/models.h"
#include "tests/complaint.h"
#include "tests/toy.h"
#include "tools/federated/dataset.h"
#include "tools/federated/runner.h"

namespace {

using nn::real;

struct Parts {
  data::CharacterWindows train{12}, test{12};
  data::Task task() const { return {"toy text", train, test}; }
};

// Four clients have the same text, each from a different place on.
Parts toy_text() {
  Parts parts;
  for (const int first : {0, 6, 13, 19}) {
    std::string text;
    while (text.size() < 400) text += "to be or not to be, that is ";
    parts.train.add(std::string_view(text).substr(first, 300), static_cast<std::uint8_t>(first));
    parts.test.add(std::string_view(text).substr(first, 60), static_cast<std::uint8_t>(first));
  }
  return parts;
}

data::RowSplit toy_rows() {
  std::string csv = "x,color,y\n";
  for (int i = 0; i < 200; ++i) {
    const int x = i * 37 % 100;
    csv += nn::concat(x, ',', i % 3 ? "red" : "blue", ',', x + (i % 3 ? 30 : 0) > 60, '\n');
  }
  return data::split_rows(data::parse_table(csv, "t.csv", {"y", {"color"}}));
}

std::unique_ptr<nn::Model> text_model(std::string_view name, nn::Generator& generator) {
  const auto found = std::ranges::find(nn::model_table(), name, &nn::ModelEntry::name);
  REQUIRE(found != nn::model_table().end());
  return found->make({1, 1, 12}, data::character_count, generator);
}

fl::Config config_for_text(std::string_view model, int threads) {
  fl::Config config = toy::config("fedavg", threads);
  config.make_model = [model](nn::Generator& generator) { return text_model(model, generator); };
  config.clients = 4;
  config.fraction = 0.75;
  config.partition.split = fl::Split::natural;
  config.training = {.learning_rate = 0.05, .batch = 5, .epochs = 2, .momentum = 0.9};
  return config;
}

federated::Experiment experiment_for(const std::string& model, int clients) {
  federated::Experiment experiment;
  experiment.model = model;
  experiment.clients = clients;
  experiment.fraction = 1;
  experiment.rounds = 1;
  return experiment;
}

std::string complaint_of_run(const federated::Experiment& experiment, const data::Task& task) {
  return complaint_of([&] { federated::Runner(task, {}).run(experiment); });
}

}  // namespace

TEST_CASE("every model of text predicts each character from those before it") {
  for (const nn::ModelEntry& entry : nn::model_table()) {
    if (!entry.takes(nn::InputKind::text)) continue;
    CAPTURE(entry.name);
    CHECK(!entry.takes(nn::InputKind::images));
    nn::Generator generator(10);
    const auto model = text_model(entry.name, generator);
    const Parts parts = toy_text();
    nn::Tensor x({2, 12});
    std::vector<int> labels(24);
    parts.train.copy_batch(std::vector{0, 30}, x.span().data(), labels);
    nn::Tape tape;
    const nn::Var y = model->forward(tape.constant(x));
    REQUIRE(y.shape() == nn::Shape{24, data::character_count});
    CHECK(model->loss(tape.constant(x), labels).value()[0] ==
          doctest::Approx(nn::nll_loss(y, labels).value()[0]).epsilon(1e-6));
    const std::vector<real> before(y.value().begin(), y.value().end());
    x.span()[11] = 5;  // the last character of the first text
    const nn::Var again = model->forward(tape.constant(x));
    const auto row = [&](int i) {
      const auto end = before.begin() + (i + 1) * data::character_count;
      return std::equal(end - data::character_count, end,
                        again.value().data + i * data::character_count);
    };
    for (int i = 0; i < 24; ++i) CHECK(row(i) == (i != 11));
  }
}

TEST_CASE("a tied head has no weights, and its gradient is added to the embedding's") {
  nn::Generator generator(10);
  const auto model = text_model("gpt2", generator);
  CHECK(!model->parameters().find("lm_head.weight"));
  const auto* table = model->parameters().find("transformer.wte.weight");
  REQUIRE(table);
  const Parts parts = toy_text();
  nn::Tensor x({3, 12});
  std::vector<int> labels(36);
  parts.train.copy_batch(std::vector{0, 30, 60}, x.span().data(), labels);
  const auto loss = [&](nn::Tape& tape) {
    return nn::nll_loss(model->forward(tape.constant(x)), labels);
  };
  nn::Tape tape;
  tape.backward(loss(tape));
  const double step = sizeof(real) == 4 ? 1e-2 : 1e-4;
  // Weights of characters that occur, and one of a character that does not: the head has it.
  for (const char c : {'t', 'o', ' ', '~'}) {
    const nn::index at = table->offset + data::id_of(c) * table->shape[1] + 3;
    real& weight = model->parameters().values()[at];
    const real kept = weight;
    const auto loss_at = [&](double moved) {
      weight = static_cast<real>(moved);
      nn::Tape fresh;
      return static_cast<double>(loss(fresh).value()[0]);
    };
    const double slope = (loss_at(kept + step) - loss_at(kept - step)) / (2 * step);
    weight = kept;
    CAPTURE(c);
    CHECK(model->parameters().gradients()[at] == doctest::Approx(slope).epsilon(0.02));
  }
}

TEST_CASE("a federation learns text, with the same bits for any number of threads") {
  const Parts parts = toy_text();
  for (const char* model : {"llama", "gpt2"}) {
    CAPTURE(model);
    fl::Server one(config_for_text(model, 1), parts.train, parts.test);
    fl::Server three(config_for_text(model, 3), parts.train, parts.test);
    const double before = one.evaluate().loss;
    for (int round = 0; round < 12; ++round) {
      const fl::Round a = one.play_round(), b = three.play_round();
      CHECK(a.accuracy == b.accuracy);
    }
    CHECK(std::ranges::equal(one.weights(), three.weights()));
    CHECK(one.evaluate().loss < 0.7 * before);
    CHECK(one.test() > 60);  // a space alone: 29
  }
}

TEST_CASE(
    "a weight that is used twice has the same gradient, whoever helps with parts of a batch") {
  const Parts parts = toy_text();
  const fl::Config config = config_for_text("gpt2", 1);
  fl::IdleWorkers idle;
  fl::ClientWorker alone(config.make_model, nn::DropoutStream::mt);
  fl::ClientWorker worker(config.make_model, nn::DropoutStream::mt, &idle);
  fl::ClientWorker first(config.make_model, nn::DropoutStream::mt);
  fl::ClientWorker second(config.make_model, nn::DropoutStream::mt);
  std::vector<int> samples(160);  // ten parts
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<int>(i) % parts.train.size();
  nn::Generator one(5), two(5);
  const double loss = alone.compute_gradient(parts.train, samples, one);
  idle.add(first);
  idle.add(second);
  for (int i = 0; i < 20; ++i) {
    CHECK(worker.compute_gradient(parts.train, samples, two) == loss);
    CHECK(std::ranges::equal(worker.gradients(), alone.gradients()));
  }
}

TEST_CASE("a federation learns rows") {
  const data::RowSplit rows = toy_rows();
  for (const char* model : {"logistic", "mlp"}) {
    CAPTURE(model);
    federated::Experiment experiment = experiment_for(model, 5);
    experiment.training = {.learning_rate = 0.3, .batch = 8, .epochs = 5};
    experiment.rounds = 20;
    const federated::Run run =
        federated::Runner({"toy rows", rows.train, rows.test}, {}).run(experiment);
    CHECK(run.final_accuracy() > 85);
  }
}

TEST_CASE("settings that do not suit the data are refused in one line") {
  const Parts text = toy_text();
  const data::RowSplit rows = toy_rows();
  const data::Task row_task{"toy rows", rows.train, rows.test};
  CHECK(complaint_of_run(experiment_for("mnist_cnn", 4), text.task()) ==
        "the model mnist_cnn does not take windows of text");
  CHECK(complaint_of_run(experiment_for("llama", 4), row_task) ==
        "the model llama does not take rows");
  federated::Experiment attacked = experiment_for("llama", 4);
  attacked.attack = "backdoor";
  attacked.malicious.clients = {1};
  CHECK(complaint_of_run(attacked, text.task()) ==
        "the backdoor is a pattern in images, and the examples are windows of text");
  attacked.model = "mlp";
  CHECK(contains(complaint_of_run(attacked, row_task), "the examples are rows"));
  attacked.attack = "flip-targeted";  // to class 6
  CHECK(contains(complaint_of_run(attacked, row_task), "class"));
  federated::Experiment noisy = experiment_for("llama", 4);
  noisy.partition.split = fl::Split::feature_noise;
  CHECK(complaint_of_run(noisy, text.task()) ==
        "feature noise is for images, and the examples are windows of text");
  federated::Experiment natural = experiment_for("llama", 3);
  natural.partition.split = fl::Split::natural;
  CHECK(complaint_of_run(natural, text.task()) == "the data belongs to 4 clients, not 3");
  natural.clients = 4;
  natural.model = "mlp";
  CHECK(complaint_of_run(natural, row_task) ==
        "the data does not say which client a sample belongs to");
}

TEST_CASE("an attack on labels and a defence go with text as with images") {
  const Parts parts = toy_text();
  federated::Experiment experiment = experiment_for("llama", 4);
  experiment.attack = "flip";
  experiment.malicious.clients = {1};
  experiment.defence = "median";
  experiment.training = {.learning_rate = 0.1, .batch = 5};
  const federated::Run run = federated::Runner(parts.task(), {}).run(experiment);
  CHECK(run.is_complete());
  CHECK(std::isfinite(run.rounds[0].measures.at("Test loss")));
}
