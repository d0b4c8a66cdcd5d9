#pragma once

#include <vector>

#include "nn/tensor.h"
#include "tools/homework2/exercises.h"

namespace homework2 {

// Lab 2A: a fifth of the rows tests, chosen as scikit-learn's train_test_split does.
struct GenerativeData {
  nn::Tensor train, test;  // [rows, columns + 1]: scaled by the training rows; the class last
};
GenerativeData split_for_vae(const data::Table& table, std::uint64_t seed);

// Trains the VAE, then a classifier on real and another on as many synthetic rows. Three curves:
// "VAE", "classifier, real rows", "classifier, synthetic rows"; both classifiers are tested on real
// rows.
std::vector<Curve> run_generative(const ExerciseContext& context);

// The losses of the lab, and what synthetic rows are worth.
void write_generative(std::span<const Curve> curves, report::Document& document);

}  // namespace homework2
