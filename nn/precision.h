#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace nn {

// How exact the factors of products are: in linear layers, attention and the head, and in
// convolutions of 3x3 or 5x5 pixels with stride 1 whose channels, in and out, are multiples of 16.
// Sums are float in any case, and so is everything else: other convolutions, weights, gradients,
// norms, softmax, losses, the optimizer's moments.
enum class Precision {
  full,        // as they are stored
  bf16,        // rounded to bfloat16; needs a processor with AVX512_BF16
  bf16_plain,  // the same bits on any processor, slowly; in convolutions, on any that has FMA
};

struct PrecisionName {
  std::string_view name;  // on the command line
  Precision precision;
};
std::span<const PrecisionName> precision_table();
std::string_view name_of(Precision precision);

// The name under which results are recorded: bf16_plain has the bits of bf16, and its name.
std::string_view numbers_of(Precision precision);
// A precision recorded under this name, preferably `usual`; empty if there is none.
std::optional<Precision> with_numbers(std::string_view name, Precision usual = Precision::full);

// Throws InputError if this machine or this engine cannot compute in it.
void require_machine_for(Precision precision);

// The precision of this name. Throws InputError if there is none, or as require_machine_for().
Precision precision_named(std::string_view name);

}  // namespace nn
