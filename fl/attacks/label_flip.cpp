#include "fl/attacks/attacks.h"
#include "fl/attacks/scale.h"
#include "nn/base/error.h"

namespace fl {

namespace {

using nn::real;

// Trains on labels (y + 1) mod the number of classes, and sends the change enlarged.
class Flip : public Attack {
 public:
  explicit Flip(double factor) : factor_(static_cast<real>(factor)) {}

  void poison(data::BatchPart& batch) const override {
    const int classes = batch.source.class_count();
    for (int& label : batch.labels) label = (label + 1) % classes;
  }
  void alter(const AttackContext&, std::span<real> change) const override {
    scale(change, factor_);
  }

 private:
  real factor_;
};

// Trains with one class labelled as another, and sends the change enlarged.
class TargetedFlip : public Attack {
 public:
  TargetedFlip(int from, int to, double factor)
      : from_(from), to_(to), factor_(static_cast<real>(factor)) {}

  void check(const data::Examples& examples) const override {
    require_class("attack-from", from_, examples);
    require_class("attack-to", to_, examples);
    if (from_ == to_)
      throw nn::InputError(nn::concat("--attack-from and --attack-to are both ", to_),
                           "choose two classes");
  }
  void poison(data::BatchPart& batch) const override {
    for (int& label : batch.labels)
      if (label == from_) label = to_;
  }
  void alter(const AttackContext&, std::span<real> change) const override {
    scale(change, factor_);
  }

 private:
  int from_, to_;
  real factor_;
};

}  // namespace

std::unique_ptr<Attack> make_flip(const Config& config) {
  return std::make_unique<Flip>(option(config, "attack-scale"));
}

std::unique_ptr<Attack> make_targeted_flip(const Config& config) {
  return std::make_unique<TargetedFlip>(int_option(config, "attack-from"),
                                        int_option(config, "attack-to"),
                                        option(config, "attack-scale"));
}

}  // namespace fl
