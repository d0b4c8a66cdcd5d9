#include <algorithm>
#include <array>
#include <cmath>

#include "fl/attacks.h"
#include "fl/attacks/scale.h"

namespace fl {

namespace {

using nn::real;

// The course's pattern, before normalisation; '.' leaves the pixel as it is.
constexpr std::array<const char*, 5> pattern{"101", ".1.", "..0", ".1.", "101"};
constexpr int top = 3, left = 23;  // in an image of 28 x 28

// In every batch, the first half of the images, rounded half to even, get the pattern and the
// target's label; the change is sent enlarged (Bagdasaryan et al. 2020, model replacement).
class Backdoor : public Attack {
 public:
  Backdoor(int to, double factor) : to_(to), factor_(static_cast<real>(factor)) {}

  void poison(data::BatchPart& batch) const override {
    require_class(to_, batch);
    const int poisoned = static_cast<int>(std::nearbyint(0.5 * batch.batch_size)) - batch.first;
    for (int i = 0; i < std::min(poisoned, batch.size()); ++i) {
      stamp(batch, i);
      batch.labels[i] = to_;
    }
  }
  void alter(const AttackContext&, std::span<real> change) const override {
    scale(change, factor_);
  }

  std::optional<int> target() const override { return to_; }
  void trigger(data::BatchPart& batch) const override {
    for (int i = 0; i < batch.size(); ++i) stamp(batch, i);
  }

 private:
  // Into every channel of an image; in other sizes at the same place from the right.
  static void stamp(data::BatchPart& batch, int image) {
    const nn::Shape& shape = batch.inputs.shape;
    const int height = static_cast<int>(shape[2]), width = static_cast<int>(shape[3]);
    if (height < top + 5 || width < 5)
      throw nn::InputError(
          nn::concat("the backdoor's pattern does not fit into ", height, " x ", width, " pixels"),
          "choose another --attack or --dataset");
    for (int channel = 0; channel < shape[1]; ++channel) {
      real* pixels = batch.inputs.data + (image * shape[1] + channel) * height * width;
      for (int row = 0; row < 5; ++row)
        for (int column = 0; column < 3; ++column)
          if (const char value = pattern[row][column]; value != '.')
            pixels[(top + row) * width + width - 28 + left + column] =
                batch.source.normalised(value == '1' ? 1.0f : 0.0f, channel);
    }
  }

  int to_;
  real factor_;
};

}  // namespace

std::unique_ptr<Attack> make_backdoor(const Config& config) {
  return std::make_unique<Backdoor>(int_option(config, "attack-to"),
                                    option(config, "attack-scale"));
}

}  // namespace fl
