#include <doctest/doctest.h>

#include "nn/kernels/bf16_products.h"
#include "tests/toy_rounds.h"

using toy::largest_difference, toy::weights_after;

namespace {

fl::Config config_in(nn::Precision precision, int threads) {
  fl::Config config = toy::config("fedavg", threads);
  config.precision = precision;
  return config;
}

}  // namespace

TEST_CASE("clients train and test in the run's precision, with the same bits on any threads") {
  if (!toy::is_float) return;
  const auto exact = weights_after(config_in(nn::Precision::full, 1), 3);
  const auto plain = weights_after(config_in(nn::Precision::bf16_plain, 1), 3);
  CHECK(plain != exact);
  CHECK(largest_difference(plain, exact) < 0.01);
  CHECK(weights_after(config_in(nn::Precision::bf16_plain, 3), 3) == plain);
  if (nn::kernels::has_bf16()) CHECK(weights_after(config_in(nn::Precision::bf16, 2), 3) == plain);

  const data::ImageDataset images = toy::dataset();
  fl::Server in_float(config_in(nn::Precision::full, 1), images),
      in_bf16(config_in(nn::Precision::bf16_plain, 2), images);
  const double difference = in_bf16.evaluate().loss - in_float.evaluate().loss;  // of equal weights
  CHECK(difference != 0);
  CHECK(std::abs(difference) < 0.01);
}
