#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "data/examples.h"
#include "fl/options.h"
#include "nn/random.h"
#include "nn/real.h"

namespace fl {

// What a malicious client knows when it alters its update.
struct AttackContext {
  int client, round;                     // from 0
  std::span<const std::size_t> tensors;  // sizes of the model's weight tensors, in order
  nn::Generator& generator;              // of this client in this round
};

// One of a round's updates, as changes of the server's weights.
struct RoundUpdate {
  int client;
  bool is_malicious;
  std::span<nn::real> change;
};

// How malicious clients deviate from the algorithm. One is made for each run.
class Attack {
 public:
  virtual ~Attack() = default;

  // Throws nn::InputError if it cannot work on such examples.
  virtual void check(const data::Examples&) const {}

  // Alters some examples of a training batch before the gradient is taken.
  virtual void poison(data::BatchPart&) const {}

  // Alters the change of the server's weights that the client sends.
  virtual void alter(const AttackContext&, std::span<nn::real>) const {}

  // Whether malicious clients see what the others send before they send theirs. If so, collude()
  // is called once a round, with the usable updates in the order of its clients.
  virtual bool colludes() const { return false; }
  virtual void collude(std::span<const RoundUpdate>) const {}

  // The class that images with the attacker's trigger are to be put into, for those that have one;
  // trigger() adds it to all examples of a test batch.
  virtual std::optional<int> target() const { return {}; }
  virtual void trigger(data::BatchPart&) const {}
};

using MakeAttack = std::unique_ptr<Attack>(const Config& config);

// A row of the table of attacks. Any attack goes with any algorithm.
struct AttackEntry {
  std::string_view name, label, description;
  std::function<MakeAttack> make;
  std::vector<Option> options = {};
};

std::span<const AttackEntry> attack_table();
const AttackEntry* find_attack(std::string_view name);  // null if there is none

// What the rows make, a file each.
MakeAttack make_reversion, make_part_reversion;  // reversion.cpp
MakeAttack make_flip, make_targeted_flip;        // label_flip.cpp
MakeAttack make_backdoor;                        // backdoor.cpp
MakeAttack make_noise;                           // noise.cpp
MakeAttack make_alie, make_ipm;                  // collusion.cpp

}  // namespace fl
