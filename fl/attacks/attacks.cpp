#include "fl/attacks/attacks.h"

#include "nn/base/named_row.h"

namespace fl {

namespace {

// Each attack with the preset of the course's lab 3.
Option attack_scale(double preset) {
  return {"attack-scale", "factor on what malicious clients send", preset, -1e6, 1e6};
}

Option attack_to(double preset) {
  return {"attack-to", "class that is aimed at", preset, 0, 255, whole};
}

}  // namespace

std::span<const AttackEntry> attack_table() {
  static const std::vector<AttackEntry> table{
      {.name = "reversion",
       .label = "Gradient reversion",
       .description = "the change is sent with the opposite sign, enlarged",
       .make = make_reversion,
       .options = {attack_scale(-5)}},
      {.name = "part-reversion",
       .label = "Part reversion",
       .description = "the same with the first weight tensor only",
       .make = make_part_reversion,
       .options = {attack_scale(-1000)}},
      {.name = "flip",
       .label = "Label flip",
       .description = "trains with every label raised by one",
       .make = make_flip,
       .options = {attack_scale(5)}},
      {.name = "flip-targeted",
       .label = "Targeted label flip",
       .description = "trains with one class labelled as another",
       .make = make_targeted_flip,
       .options = {attack_scale(5),
                   {"attack-from", "class that is labelled as another", 0, 0, 255, whole},
                   attack_to(6)}},
      {.name = "backdoor",
       .label = "Backdoor",
       .description = "trains with a pattern on half of the images, labelled as one class",
       .make = make_backdoor,
       .options = {attack_scale(5), attack_to(0)}},
      {.name = "noise",
       .label = "Gaussian noise",
       .description = "the change is sent with noise, as a multiple of its root mean square",
       .make = make_noise,
       .options = {attack_scale(10)}},
      {.name = "alie",
       .label = "A little is enough",
       .description = "malicious clients send their mean less some standard deviations",
       .make = make_alie,
       .options = {attack_scale(1.5)}},
      {.name = "ipm",
       .label = "Inner-product manipulation",
       .description = "malicious clients send the honest ones' mean times a negative number",
       .make = make_ipm,
       .options = {attack_scale(0.5)}},
  };
  return table;
}

const AttackEntry* find_attack(std::string_view name) { return nn::find_row(attack_table(), name); }

}  // namespace fl
