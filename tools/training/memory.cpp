#include "tools/training/memory.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "nn/base/error.h"
#include "nn/models/language_model.h"
#include "nn/real.h"
#include "pipeline/optimizers.h"
#include "pipeline/outer_steps/wire_formats.h"

namespace training {

namespace {

// Of all pipelines for each weight: what OuterSteps keeps, and its encoded messages.
double outer_numbers(const pipeline::TrainingConfig& config) {
  constexpr std::size_t many = 1 << 20;
  const double code =
      static_cast<double>(pipeline::wire_format_named(config.sync.wire).size(many)) /
      (many * sizeof(nn::real));
  return config.topology.pipelines * (2 + code) + 3 + code;
}

}  // namespace

MemoryNeeds memory_needs(const pipeline::TrainingConfig& config) {
  const nn::LanguageModelConfig& model = config.model;
  const double number = sizeof(nn::real);
  const double tokens =
      static_cast<double>(config.sequences()) * config.topology.pipelines * config.length;
  MemoryNeeds needs;
  const int pipelines = config.topology.pipelines;
  const int arrays = pipeline::optimizer_named(config.optimizer).arrays;
  const int copies = 2 * pipelines + arrays * (config.shares_moments ? 1 : pipelines);
  const double outer = config.trains_alone() ? outer_numbers(config) : 0;
  const double sums = config.has_exact_sums ? pipelines * sizeof(double) : 0;
  needs.weights = ((copies + outer) * number + sums) * nn::model_size(model);
  // One microbatch per pipeline, though more may be in flight, and one recomputed layer, though
  // every stage may have one. Every kind of layer keeps two norms, the queries, what they attend to
  // and two sums, and of its feed-forward network what goes into the activation and comes out.
  const nn::index layers = config.recomputes ? std::min<nn::index>(model.layers, 1) : model.layers;
  const double kept = 6.0 * model.hidden_size + 2.0 * model.intermediate_size;
  needs.activations = number * tokens * layers * kept;
  needs.scores = number * tokens * model.vocab_size;
  return needs;
}

void require_memory(const pipeline::TrainingConfig& config, double bytes) {
  const MemoryNeeds needs = memory_needs(config);
  if (needs.sum() <= bytes) return;
  struct Part {
    double bytes;
    const char *what, *options;
  };
  const std::array parts{
      Part{needs.weights, "weights, gradients and moments", "--d, --hidden, --depth or PIPELINES"},
      Part{needs.activations, "activations of the layers", "--tokens or --batch"},
      Part{needs.scores, "scores of every token of the vocabulary", "--tokens or --batch"}};
  const Part& largest = *std::ranges::max_element(parts, {}, &Part::bytes);
  const auto gigabytes = [](double count) { return std::ceil(count / 1e8) / 10; };
  throw nn::InputError(nn::concat("this run needs at least ", gigabytes(needs.sum()),
                                  " GB of memory, and the machine has ", gigabytes(bytes),
                                  " GB: ", gigabytes(largest.bytes), " GB are ", largest.what),
                       nn::concat("choose a smaller ", largest.options));
}

double memory_of_this_machine() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace training
