#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/model.h"
#include "nn/tensor.h"

namespace data {

// "images", "rows" or "windows of text": what examples of the kind are called.
std::string_view plural(nn::InputKind kind);

// Labelled examples, numbered from 0.
class Examples {
 public:
  virtual ~Examples() = default;
  virtual int size() const = 0;
  virtual nn::InputKind kind() const = 0;
  // What a batch of n of them looks like: [n, ...]
  virtual nn::Shape shape(nn::index n) const = 0;
  virtual int labels_per_example() const { return 1; }
  virtual int class_count() const = 0;  // labels are 0 .. class_count() - 1
  // inputs[shape(n)] and labels[n * labels_per_example()] of the n examples named.
  virtual void copy_batch(std::span<const int> examples, nn::real* inputs,
                          std::span<int> labels) const = 0;
  // A small number for each example, such as its class, which decides how splits deal it out.
  virtual std::span<const std::uint8_t> groups() const = 0;
  // The examples of each client, if the data says whose they are: a role's lines, for instance.
  virtual std::span<const std::vector<int>> natural_clients() const { return {}; }
  // What a model gets for the value of a pixel, from 0 to 1, of that channel.
  virtual nn::real normalised(float value, int channel) const;
};

// What a federation learns from and is tested on. The examples must outlive it.
struct Task {
  std::string name;
  const Examples &train, &test;
};

// Consecutive examples of a batch, as a model gets them.
struct BatchPart {
  const Examples& source;
  nn::View inputs;        // source.shape(n)
  std::span<int> labels;  // [n * labels_per_example()]
  int first;              // the first one's place in the batch
  int batch_size;         // of the whole batch, in examples

  int size() const { return static_cast<int>(inputs.shape[0]); }
};

}  // namespace data
