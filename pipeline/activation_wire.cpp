#include "pipeline/activation_wire.h"

#include <algorithm>
#include <array>

#include "nn/base/named_row.h"
#include "nn/kernels/bf16.h"

namespace pipeline {

std::span<const ActivationWire> activation_wire_table() {
  static constexpr std::array table{ActivationWire{"float", false}, ActivationWire{"bf16", true}};
  return table;
}

const ActivationWire& activation_wire_named(std::string_view name) {
  return nn::row_named(activation_wire_table(), name, "--wire");
}

std::size_t activation_bytes(const TrainingConfig& config) {
  return activation_size(config) *
         (activation_wire_named(config.wire).is_bf16 ? sizeof(std::uint16_t) : sizeof(nn::real));
}

void ActivationLink::send(int to, Tag tag, std::span<const nn::real> numbers, Lease& lease) {
  if (!is_bf16_) return mailbox_.send(to, tag, numbers, lease);
  Codes& codes = free_codes();
  codes.numbers.resize(numbers.size());
  std::ranges::transform(numbers, codes.numbers.begin(),
                         [](nn::real x) { return nn::kernels::bf16_of(static_cast<float>(x)); });
  mailbox_.send_bytes(to, tag, std::as_bytes(std::span(codes.numbers)), codes.lease);
}

std::span<const nn::real> ActivationLink::numbers_of(const Message& message) {
  if (!is_bf16_) return message.numbers();
  const auto codes = message.numbers_as<std::uint16_t>();
  decoded_.resize(codes.size());
  std::ranges::transform(codes, decoded_.begin(), nn::kernels::value_of_bf16);
  return decoded_;
}

ActivationLink::Codes& ActivationLink::free_codes() {
  for (const auto& codes : codes_)
    if (codes->lease.is_free()) return *codes;
  return *codes_.emplace_back(std::make_unique<Codes>());
}

}  // namespace pipeline
