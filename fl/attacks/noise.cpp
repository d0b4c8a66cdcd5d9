#include <cmath>
#include <vector>

#include "fl/attacks/attacks.h"

namespace fl {

namespace {

using nn::real;

// Sends the change with Gaussian noise, whose standard deviation is a multiple of the change's root
// mean square.
class Noise : public Attack {
 public:
  explicit Noise(double factor) : factor_(factor) {}

  void alter(const AttackContext& context, std::span<real> change) const override {
    double squares = 0;
    for (real value : change) squares += static_cast<double>(value) * value;
    const double stddev = factor_ * std::sqrt(squares / static_cast<double>(change.size()));
    std::vector<real> noise(change.size());
    context.generator.normal(noise, 0, stddev);
    for (std::size_t i = 0; i < change.size(); ++i) change[i] += noise[i];
  }

 private:
  double factor_;
};

}  // namespace

std::unique_ptr<Attack> make_noise(const Config& config) {
  return std::make_unique<Noise>(option(config, "attack-scale"));
}

}  // namespace fl
