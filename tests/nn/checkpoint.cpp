#include "nn/files/checkpoint.h"

#include <doctest/doctest.h>

#include <cstring>

#include "nn/base/file.h"
#include "nn/models/mnist_cnn.h"
#include "tests/temporary_file.h"

namespace {

using nn::Checkpoint, nn::Generator, nn::InputError, nn::real, nn::Shape;

// The network of make_checkpoint.py.
struct SmallModel {
  explicit SmallModel(std::uint64_t seed) : generator(seed) {
    const nn::Scope scope(parameters, generator);
    nn::Linear(scope("fc1"), 5, 3);
    nn::Linear(scope("fc2"), 3, 2);
  }
  Generator generator;
  nn::Parameters parameters;
};

TEST_CASE("a file written by PyTorch is read") {
  const SmallModel expected(0);
  const Checkpoint checkpoint = nn::read_safetensors("tests/golden/mlp.safetensors");
  CHECK(checkpoint.metadata == nn::Metadata{{"format", "pt"}});
  CHECK(checkpoint.tensors.size() == 4);
  for (const auto& info : expected.parameters.infos()) {
    CAPTURE(info.name);
    REQUIRE(checkpoint.tensors.contains(info.name));
    const nn::Tensor& tensor = checkpoint.tensors.at(info.name);
    CHECK(tensor.shape() == info.shape);
    CHECK(std::ranges::equal(tensor.span(),
                             expected.parameters.values().subspan(info.offset, info.shape.size())));
  }
  SmallModel model(1);
  nn::load_parameters("tests/golden/mlp.safetensors", model.parameters);
  CHECK(std::ranges::equal(model.parameters.values(), expected.parameters.values()));
}

TEST_CASE("a network survives saving and loading") {
  Generator one(10), two(11);
  nn::MnistCnn saved({1, 28, 28}, 10, one), loaded({1, 28, 28}, 10, two);
  const TemporaryFile file;
  const nn::Metadata metadata{{"format", "pt"}, {"note", "\"quoted\"\n\u00e9"}};
  nn::write_safetensors(file, saved.parameters(), metadata);
  nn::load_parameters(file, loaded.parameters());
  CHECK(std::ranges::equal(saved.parameters().values(), loaded.parameters().values()));
  const Checkpoint checkpoint = nn::read_safetensors(file);
  CHECK(checkpoint.metadata == metadata);
  CHECK(checkpoint.tensors.at("fc2.weight").shape() == Shape{10, 128});
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, nn::read_file(file).data(), 8);
  CHECK(header_size % 8 == 0);  // so that others can map the data
}

TEST_CASE("a header with one bit wrong is refused or does no harm") {
  const std::string whole = nn::read_file("tests/golden/mlp.safetensors");
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, whole.data(), 8);
  const SmallModel expected(0);
  int refused = 0, renamed = 0, harmless = 0;
  for (std::size_t at = 0; at < 8 + header_size; ++at)
    for (int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      CAPTURE(at);
      CAPTURE(flip);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const TemporaryFile file(damaged);
      try {
        const Checkpoint checkpoint = nn::read_safetensors(file);
        std::size_t bytes = 0;
        for (const auto& [name, tensor] : checkpoint.tensors) {
          REQUIRE(tensor.size() == static_cast<nn::index>(tensor.span().size()));
          bytes += 4 * tensor.span().size();
        }
        REQUIRE(bytes == whole.size() - 8 - header_size);
      } catch (const InputError&) {
        ++refused;
        continue;
      }
      SmallModel model(1);
      const std::vector<real> before(model.parameters.values().begin(),
                                     model.parameters.values().end());
      try {  // what is left is a changed name, or a change in the metadata or in white space
        nn::load_parameters(file, model.parameters);
        REQUIRE(std::ranges::equal(model.parameters.values(), expected.parameters.values()));
        ++harmless;
      } catch (const InputError&) {
        REQUIRE(std::ranges::equal(model.parameters.values(), before));
        ++renamed;
      }
    }
  CHECK(refused > harmless + renamed);
  CHECK(renamed > 0);
}

TEST_CASE("a checkpoint of another model changes nothing") {
  const auto refuses = [](auto add_more) {
    SmallModel model(1);
    add_more(model.parameters);
    const std::vector<real> before(model.parameters.values().begin(),
                                   model.parameters.values().end());
    CHECK_THROWS_AS(nn::load_parameters("tests/golden/mlp.safetensors", model.parameters),
                    InputError);
    CHECK(std::ranges::equal(model.parameters.values(), before));
  };
  refuses([](nn::Parameters& parameters) { parameters.add("fc3.weight", {2, 2}); });
  refuses([](nn::Parameters& parameters) {  // one tensor fewer than the file
    nn::Parameters fewer;
    for (const auto& info : parameters.infos())
      if (info.name != "fc2.bias") fewer.add(info.name, info.shape);
    parameters = fewer;
  });
  refuses([](nn::Parameters& parameters) {  // the last one transposed
    nn::Parameters turned;
    for (const auto& info : parameters.infos())
      turned.add(info.name, info.name == "fc2.weight" ? Shape{3, 2} : info.shape);
    parameters = turned;
  });
}

}  // namespace
