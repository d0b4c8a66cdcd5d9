#include "fl/attacks/attacks.h"
#include "fl/attacks/scale.h"

namespace fl {

namespace {

using nn::real;

// The whole change times a negative number.
class Reversion : public Attack {
 public:
  explicit Reversion(double factor) : factor_(static_cast<real>(factor)) {}
  void alter(const AttackContext&, std::span<real> change) const override {
    scale(change, factor_);
  }

 private:
  real factor_;
};

// The change of the first tensor times a negative number.
class PartReversion : public Attack {
 public:
  explicit PartReversion(double factor) : factor_(static_cast<real>(factor)) {}
  void alter(const AttackContext& context, std::span<real> change) const override {
    scale(change.first(context.tensors.front()), factor_);
  }

 private:
  real factor_;
};

}  // namespace

std::unique_ptr<Attack> make_reversion(const Config& config) {
  return std::make_unique<Reversion>(option(config, "attack-scale"));
}

std::unique_ptr<Attack> make_part_reversion(const Config& config) {
  return std::make_unique<PartReversion>(option(config, "attack-scale"));
}

}  // namespace fl
