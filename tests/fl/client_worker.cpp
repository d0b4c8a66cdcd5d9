#include <doctest/doctest.h>

#include <algorithm>
#include <latch>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "fl/workers/client_worker.h"
#include "fl/workers/idle_workers.h"
#include "tests/toy_rounds.h"

namespace {

// Each replica waits in its first part for the other's, so that both have one.
class MeetingNet : public toy::Net {
 public:
  MeetingNet(nn::Generator& generator, std::latch& both) : Net(generator), both_(&both) {}
  nn::Var forward(nn::Var x) override {
    if (std::latch* both = std::exchange(both_, nullptr)) both->arrive_and_wait();
    return Net::forward(x);
  }

 private:
  std::latch* both_;
};

}  // namespace

TEST_CASE("an idle worker is borrowed by a batch of several parts, and given back") {
  const data::ImageDataset dataset = toy::dataset();
  std::latch both(2);
  const nn::ModelFactory make_meeting = [&](nn::Generator& generator) {
    return std::make_unique<MeetingNet>(generator, both);
  };
  fl::IdleWorkers idle;
  fl::ClientWorker alone(toy::config("fedavg").make_model, nn::DropoutStream::mt);
  fl::ClientWorker worker(make_meeting, nn::DropoutStream::mt, &idle);
  fl::ClientWorker helper(make_meeting, nn::DropoutStream::mt, &idle);
  std::ranges::fill(helper.weights(), nn::real(7));  // it works with the other's, not with these
  std::vector<int> samples(600);
  std::iota(samples.begin(), samples.end(), 0);
  nn::Generator one(5), two(5);
  const double loss = alone.compute_gradient(dataset.train, samples, one);
  idle.add(helper);
  CHECK(worker.compute_gradient(dataset.train, samples, two) == loss);
  CHECK(std::ranges::equal(worker.gradients(), alone.gradients()));
  CHECK(worker.helped_seconds() > 0);
  CHECK(helper.weights()[0] == 7);
  CHECK(idle.take(5) == std::vector<fl::ClientWorker*>{&helper});
}

TEST_CASE("a gradient over many parts is the gradient of the whole batch") {
  // 600 samples are six parts for the worker and one part here, by hand.
  const data::ImageDataset dataset = toy::dataset();
  fl::ClientWorker worker(toy::config("fedavg").make_model, nn::DropoutStream::mt);
  std::vector<int> samples(600);
  for (int i = 0; i < 600; ++i) samples[i] = i;
  nn::Generator generator(5);
  const double loss = worker.compute_gradient(dataset.train, samples, generator);

  nn::Generator unused, again(5);
  toy::Net net(unused);
  nn::DropoutMasks masks;
  masks.start_batch(again, 600);
  net.train(masks);
  nn::Tensor images({600, 1, 8, 8});
  std::vector<int> labels(600);
  dataset.train.copy_batch(samples, images.view().data, labels);
  nn::Tape tape;
  const nn::Var whole = nn::nll_loss(net.forward(tape.constant(images)), labels);
  tape.backward(whole);
  CHECK(loss == doctest::Approx(whole.value()[0]).epsilon(1e-5));
  for (nn::index i = 0; i < net.parameters().size(); ++i)
    CHECK(worker.gradients()[i] ==
          doctest::Approx(net.parameters().gradients()[i]).epsilon(1e-3).scale(1e-3));
}

TEST_CASE("a worker copies a model once for a version, and always without one") {
  fl::ClientWorker worker(toy::config("fedavg").make_model, nn::DropoutStream::mt);
  const std::size_t size = worker.weights().size();
  const auto weight_after = [&](nn::real value, std::optional<int> version) {
    const std::vector<nn::real> model(size, value);
    worker.load({model, {}, {}}, version);
    return worker.weights()[7];
  };
  CHECK(weight_after(1, 0) == 1);
  CHECK(weight_after(2, 0) == 1);  // the same by its version
  CHECK(weight_after(2, 1) == 2);
  CHECK(weight_after(3, {}) == 3);
  CHECK(weight_after(4, 1) == 4);  // clients may have trained in between
}
