#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "tests/complaint.h"
#include "tests/nn/numbers.h"
#include "tests/temporary_file.h"
#include "tests/toy.h"

namespace {

using nn::Generator, nn::real, nn::Shape, nn::Tape, nn::Tensor, nn::Var;
using tests::largest_difference;

// The network of make_batch_norm.py.
class Net : public nn::Model {
 public:
  explicit Net(Generator& generator)
      : conv1_(scope(generator)("conv1"), 2, 4, 3),
        bn1_(scope(generator)("bn1"), mode(), 4),
        fc1_(scope(generator)("fc1"), 24, 5),
        bn2_(scope(generator)("bn2"), mode(), 5) {}
  Var forward(Var x) override { return bn2_(fc1_(flatten(relu(bn1_(conv1_(x)))))); }

 private:
  nn::Conv2d conv1_;
  nn::BatchNorm bn1_;
  nn::Linear fc1_;
  nn::BatchNorm bn2_;
};

Tensor draw(Generator& generator, Shape shape) {
  Tensor x(shape);
  generator.normal(x.span(), 0, 1);
  return x;
}

std::vector<real> run(nn::Model& model, const Tensor& x) {
  Tape tape;
  const nn::ConstView y = model.forward(tape.constant(x)).value();
  return {y.begin(), y.end()};
}

void train_on(nn::Model& model, const Tensor& x, nn::DropoutMasks& masks) {
  model.train(masks);
  run(model, x);
}

// A network for toy::Net's kind of images, with both kinds of batch normalisation.
class ToyNet : public nn::Model {
 public:
  explicit ToyNet(Generator& generator)
      : conv_(scope(generator)("conv"), 1, 3, 3),
        bn1_(scope(generator)("bn1"), mode(), 3),
        drop_(mode(), 0.25),
        fc_(scope(generator)("fc"), 3 * 36, 4),
        bn2_(scope(generator)("bn2"), mode(), 4) {}
  Var forward(Var x) override {
    return log_softmax(bn2_(fc_(drop_(flatten(relu(bn1_(conv_(x))))))));
  }

 private:
  nn::Conv2d conv_;
  nn::BatchNorm bn1_;
  nn::Dropout drop_;
  nn::Linear fc_;
  nn::BatchNorm bn2_;
};

}  // namespace

TEST_CASE("running moments and a file with them are PyTorch's") {
  const std::string golden = "tests/golden/batch_norm.safetensors";
  Generator generator(0), other(1);
  Net ours(generator), theirs(other);
  nn::load_parameters(golden, theirs.parameters());
  CHECK(std::ranges::equal(ours.parameters().values(), theirs.parameters().values()));

  nn::DropoutMasks masks;
  for (int batch = 0; batch < 3; ++batch) train_on(ours, draw(generator, {8, 2, 4, 5}), masks);
  CHECK(largest_difference(ours.parameters().buffers(), theirs.parameters().buffers()) < 1e-6);
  CHECK(ours.parameters().buffers()[8] == 3);  // bn1.num_batches_tracked
  CHECK(theirs.parameters().buffers()[8] == 3);

  const auto evaluated =
      nlohmann::json::parse(nn::SafetensorsFile(golden).metadata().at("evaluated"))
          .get<std::vector<real>>();
  const Tensor x = draw(generator, {8, 2, 4, 5});
  ours.evaluate();
  CHECK(largest_difference(run(theirs, x), evaluated) < 1e-5);
  CHECK(largest_difference(run(ours, x), evaluated) < 1e-5);
}

// make_batch_norm.py check, by the Python of $TORCH_PYTHON or the usual one.
TEST_CASE("PyTorch loads our file strictly and computes the same") {
  const char* chosen = std::getenv("TORCH_PYTHON");
  const std::string python = chosen ? chosen : "python3";
  if (std::system((python + " -c 'import torch, safetensors' 2>/dev/null").c_str()) != 0) {
    MESSAGE("left out: ", python, " has no torch and safetensors");
    return;
  }
  Generator generator(1);
  Net model(generator);
  nn::DropoutMasks masks;
  for (int batch = 0; batch < 3; ++batch) train_on(model, draw(generator, {8, 2, 4, 5}), masks);
  const Tensor x = draw(generator, {8, 2, 4, 5});
  model.evaluate();
  const auto check = [&](const std::vector<real>& evaluated, const char* errors = "") {
    const TemporaryFile file;
    const std::vector<real> images(x.span().begin(), x.span().end());
    nn::write_safetensors(file, model.parameters(),
                          {{"images", nlohmann::json(images).dump()},
                           {"evaluated", nlohmann::json(evaluated).dump()}});
    const std::filesystem::path& path = file;
    return std::system(
        (python + " tests/golden/make_batch_norm.py check " + path.string() + errors).c_str());
  };
  std::vector<real> evaluated = run(model, x);
  CHECK(check(evaluated) == 0);
  evaluated.front() += real(0.01);
  CHECK(check(evaluated, " 2>/dev/null") != 0);
}

TEST_CASE("buffers are in a model's file under PyTorch's names, counts as integers") {
  Generator one(1), two(2);
  Net saved(one), loaded(two);
  nn::DropoutMasks masks;
  for (int batch = 0; batch < 300; ++batch) train_on(saved, draw(one, {2, 2, 4, 5}), masks);
  const TemporaryFile file;
  nn::write_safetensors(file, saved.parameters());
  nn::load_parameters(file, loaded.parameters());
  CHECK(std::ranges::equal(saved.parameters().values(), loaded.parameters().values()));
  CHECK(std::ranges::equal(saved.parameters().buffers(), loaded.parameters().buffers()));

  nn::SafetensorsFile content(file);
  CHECK(content.entries().size() == 14);
  for (const char* name : {"bn1.num_batches_tracked", "bn2.num_batches_tracked"}) {
    const auto& entry = content.entries().at(name);
    CHECK(entry.is_integer);
    CHECK(entry.shape == Shape{});
    CHECK(entry.offset % 8 == 0);  // others may map it
    real count = 0;
    content.read_integers(entry, {&count, 1});
    CHECK(count == 300);
    CHECK_THROWS_AS(content.read(entry, {&count, 1}), nn::InputError);
  }
  CHECK(content.entries().at("bn1.running_var").shape == Shape{4});
  CHECK_FALSE(content.entries().at("bn1.running_var").is_integer);
}

TEST_CASE("a file with a count in floats, or a weight in integers, changes nothing") {
  Generator generator(1);
  Net model(generator);
  const auto complaint_about = [&](const std::string& changed) {
    std::vector<nn::SavedTensor> tensors;
    const nn::Parameters& parameters = model.parameters();
    for (const auto& [name, shape, offset] : parameters.infos())
      tensors.push_back({name, shape, parameters.values().subspan(offset, shape.size())});
    for (const auto& [name, shape, offset, is_integer] : parameters.buffer_infos())
      tensors.push_back(
          {name, shape, parameters.buffers().subspan(offset, shape.size()), is_integer});
    for (nn::SavedTensor& tensor : tensors) tensor.is_integer ^= tensor.name == changed;
    const TemporaryFile file;
    nn::write_file_atomically(file, nn::SafetensorsContent(tensors).parts());
    Generator other(2);
    Net loaded(other);
    const std::vector<real> before(loaded.parameters().values().begin(),
                                   loaded.parameters().values().end());
    const std::string complaint =
        complaint_of([&] { nn::load_parameters(file, loaded.parameters()); });
    CHECK(std::ranges::equal(loaded.parameters().values(), before) == (complaint != "nothing"));
    return complaint.substr(complaint.find(": ") + 2);
  };
  CHECK(complaint_about("bn1.num_batches_tracked") ==
        "bn1.num_batches_tracked holds floats, the model's holds integers");
  CHECK(complaint_about("bn1.running_mean") ==
        "bn1.running_mean holds integers, the model's holds floats");
  CHECK(complaint_about("conv1.weight") == "conv1.weight holds integers, the model's holds floats");
}

TEST_CASE("a buffer is not a weight: it has no gradient, but its name is taken") {
  nn::Parameters parameters;
  parameters.add("weight", {3});
  CHECK(parameters.add_buffer("mean", {2}) == 0);
  CHECK(parameters.add_buffer("count", {}, true) == 1);
  CHECK(parameters.size() == 3);
  CHECK(parameters.gradients().size() == 3);
  CHECK(parameters.buffers().size() == 3);
  CHECK(parameters.find("mean") == nullptr);
  CHECK_THROWS_AS(parameters.add("mean", {2}), nn::Error);
  CHECK_THROWS_AS(parameters.add_buffer("weight", {3}), nn::Error);
  CHECK_THROWS_AS(parameters.add_buffer("count", {}), nn::Error);
}

TEST_CASE("a borrowing replica uses the lender's buffers, too") {
  Generator one(1), two(2);
  Net lender(one), borrower(two);
  nn::DropoutMasks masks;
  const Tensor x = draw(one, {4, 2, 4, 5});
  borrower.parameters().borrow(&lender.parameters());
  train_on(borrower, x, masks);
  CHECK(lender.parameters().buffers()[8] == 1);
  borrower.parameters().borrow(nullptr);
  CHECK(borrower.parameters().buffers()[8] == 0);
  nn::Parameters other;
  other.add("all", {lender.parameters().size()});
  CHECK_THROWS_AS(other.borrow(&lender.parameters()), nn::Error);
}

TEST_CASE("an image's result depends on its neighbours in training, not in evaluation") {
  Generator generator(1);
  Net model(generator);
  nn::DropoutMasks masks;
  for (int batch = 0; batch < 3; ++batch) train_on(model, draw(generator, {8, 2, 4, 5}), masks);
  const Tensor x = draw(generator, {6, 2, 4, 5});
  const Tensor two({2, 2, 4, 5}, {x.span().begin(), x.span().begin() + 80});
  model.evaluate();
  const std::vector<real> kept(model.parameters().buffers().begin(),
                               model.parameters().buffers().end());
  const std::vector<real> whole = run(model, x), part = run(model, two);
  CHECK(largest_difference(std::span(whole).first(part.size()), part) < 1e-5);
  CHECK(std::ranges::equal(model.parameters().buffers(), kept));
  model.train(masks);
  const std::vector<real> trained = run(model, x);
  CHECK(largest_difference(std::span(trained).first(10), run(model, two)) > 0.1);
}

TEST_CASE("with batch statistics, a batch of any size has the gradient of one piece") {
  const data::ImageSet images = toy::images(230, 1);
  for (int count : {2, 49, 50, 51, 130, 230}) {
    CAPTURE(count);
    std::vector<int> samples(count);
    std::iota(samples.begin(), samples.end(), 0);

    Generator weights(7), drops(3), same_drops(3);
    ToyNet model(weights);
    nn::DropoutMasks masks;
    masks.start_batch(drops, count);
    model.train(masks);
    Tensor x({count, 1, 8, 8});
    std::vector<int> labels(count);
    images.copy_batch(samples, x.span().data(), labels);
    Tape tape;
    const Var loss = nll_loss(model.forward(tape.constant(x)), labels);
    tape.backward(loss);

    fl::IdleWorkers idle;
    const nn::ModelFactory make = [](Generator& generator) {
      return std::make_unique<ToyNet>(generator);
    };
    fl::ClientWorker worker(make, nn::DropoutStream::mt, &idle),
        helper(make, nn::DropoutStream::mt);
    idle.add(helper);
    std::ranges::copy(model.parameters().values(), worker.weights().begin());
    CHECK(worker.compute_gradient(images, samples, same_drops) == loss.value()[0]);
    CHECK(std::ranges::equal(worker.gradients(), model.parameters().gradients()));
  }
}

TEST_CASE("only a model with batch statistics needs its batches whole") {
  Generator generator(1);
  Net with(generator);
  toy::Net without(generator);
  CHECK(with.needs_whole_batch());
  CHECK_FALSE(without.needs_whole_batch());
  nn::DropoutMasks masks;
  without.train(masks, 50);
  CHECK_THROWS_AS(with.train(masks, 50), nn::Error);
}

TEST_CASE("a training batch without variance is refused with a hint, and changes nothing") {
  Generator generator(1);
  Net model(generator);
  nn::DropoutMasks masks;
  model.train(masks);
  CHECK(complaint_of([&] {
          run(model, draw(generator, {1, 2, 4, 5}));
        }) == "batch normalisation: a batch with one number per channel has no variance");
  CHECK(model.parameters().buffers().last(1)[0] == 0);
  model.evaluate();
  CHECK(run(model, draw(generator, {1, 2, 4, 5})).size() == 5);
}

TEST_CASE("group normalisation does the same in training and evaluation") {
  nn::Parameters parameters;
  Generator generator(1);
  const nn::GroupNorm norm(nn::Scope(parameters, generator)("norm"), 2, 6);
  CHECK(parameters.infos()[0].name == "norm.weight");
  CHECK(parameters.infos()[1].name == "norm.bias");
  CHECK(parameters.buffers().empty());
  Tape tape;
  const Tensor x = draw(generator, {3, 6, 2, 2});
  const nn::ConstView y = norm(tape.constant(x)).value();
  for (int group = 0; group < 6; ++group) {
    double sum = 0, squares = 0;
    for (real value : y.span().subspan(group * 12, 12)) sum += value, squares += value * value;
    CHECK(sum / 12 == doctest::Approx(0).scale(1).epsilon(1e-5));
    CHECK(squares / 12 == doctest::Approx(1).epsilon(1e-3));
  }
}

TEST_CASE("a linear layer has the bias and the initial values asked for") {
  nn::Parameters parameters;
  Generator generator(1);
  const nn::Scope scope(parameters, generator);
  const nn::Linear none(scope("none"), 50, 40, {.has_bias = false, .stddev = 0.02});
  const nn::Linear zero(scope("zero"), 50, 40, {.stddev = 0.02});
  const nn::Linear plain(scope("plain"), 50, 40);
  std::vector<std::string> names;
  for (const auto& info : parameters.infos()) names.push_back(info.name);
  CHECK(names == std::vector<std::string>{"none.weight", "zero.weight", "zero.bias", "plain.weight",
                                          "plain.bias"});
  const auto spread = [&](const char* name) {
    const nn::ParameterInfo& info = *parameters.find(name);
    double squares = 0;
    for (real value : parameters.values().subspan(info.offset, info.shape.size()))
      squares += double{value} * value;
    return std::sqrt(squares / static_cast<double>(info.shape.size()));
  };
  CHECK(spread("none.weight") == doctest::Approx(0.02).scale(0).epsilon(0.05));
  CHECK(spread("zero.weight") == doctest::Approx(0.02).scale(0).epsilon(0.05));
  CHECK(spread("zero.bias") == 0);
  CHECK(spread("plain.weight") == doctest::Approx(1 / std::sqrt(150)).scale(0).epsilon(0.05));
  CHECK(spread("plain.bias") > 0);
}
