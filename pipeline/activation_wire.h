#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nn/real.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/training_config.h"

namespace pipeline {

// How activations and their gradients travel between stages: as they are, or as bfloat16, in half
// of the bytes. If bfloat16, a stage rounds what every block of the model passes on, whether it
// travels or not (Stage::set_rounding), so that losses and weights do not depend on the cut.
// Evaluations, stories and a split head exchange floats.
struct ActivationWire {
  std::string_view name;  // on the command line
  bool is_bf16;
};
std::span<const ActivationWire> activation_wire_table();

// Throws nn::InputError if there is no --wire of this name.
const ActivationWire& activation_wire_named(std::string_view name);

// Of a message with an activation or its gradient.
std::size_t activation_bytes(const TrainingConfig& config);

// Sends and decodes such messages.
class ActivationLink {
 public:
  ActivationLink(const TrainingConfig& config, Mailbox& mailbox)
      : is_bf16_(activation_wire_named(config.wire).is_bf16), mailbox_(mailbox) {}

  // Like Mailbox::send(). The link must outlive the network.
  void send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease);

  // The numbers of a message, valid as long as it is, and until the next call.
  std::span<const nn::real> numbers_of(const Message& message);

 private:
  struct Codes {
    std::vector<std::uint16_t> numbers;
    Lease lease;
  };
  Codes& free_codes();

  bool is_bf16_;
  Mailbox& mailbox_;
  std::vector<std::unique_ptr<Codes>> codes_;
  std::vector<nn::real> decoded_;
};

}  // namespace pipeline
