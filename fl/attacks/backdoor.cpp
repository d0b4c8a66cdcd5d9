#include <algorithm>
#include <array>
#include <cmath>

#include "fl/attacks/attacks.h"
#include "fl/attacks/scale.h"

namespace fl {

namespace {

using nn::real;

// The course's pattern, before normalisation; '.' leaves the pixel as it is.
constexpr int rows = 5, columns = 3;
constexpr std::array<const char*, rows> pattern{"101", ".1.", "..0", ".1.", "101"};
constexpr int top = 3, from_right = 5;  // in 28 x 28 pixels: rows 3 to 7, columns 23 to 25

// In every batch, the first half of the images, rounded half to even, get the pattern and the
// target's label; the change is sent enlarged (Bagdasaryan et al. 2020, model replacement).
class Backdoor : public Attack {
 public:
  Backdoor(int to, double factor) : to_(to), factor_(static_cast<real>(factor)) {}

  void check(const data::Examples& examples) const override {
    if (examples.kind() != nn::InputKind::images)
      throw nn::InputError(nn::concat("the backdoor is a pattern in images, and the examples are ",
                                      data::plural(examples.kind())),
                           "choose another --attack");
    require_class("attack-to", to_, examples);
    const nn::Shape shape = examples.shape(1);
    if (shape[2] >= top + rows && shape[3] >= columns) return;
    throw nn::InputError(nn::concat("the backdoor's pattern does not fit into examples of ", shape),
                         "it needs images of 8 x 5 pixels or more; choose another --attack");
  }

  void poison(data::BatchPart& batch) const override {
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
  // Into every channel of an image.
  static void stamp(data::BatchPart& batch, int image) {
    const nn::Shape& shape = batch.inputs.shape;
    const nn::index width = shape[3], channels = shape[1];
    for (int channel = 0; channel < channels; ++channel) {
      real* pixels = batch.inputs.data + (image * channels + channel) * shape[2] * width;
      for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column)
          if (const char value = pattern[row][column]; value != '.')
            pixels[(top + row) * width + width - from_right + column] =
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
