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

// What a precision is called where only the resulting bits matter: bf16 for bf16_plain, too.
std::string_view numbers_of(Precision precision);
// A precision that is called so there: `usual`, if it is. Nothing if none is.
std::optional<Precision> with_numbers(std::string_view name, Precision usual = Precision::full);

// Throws InputError if this machine or this engine cannot compute in it.
void require_machine_for(Precision precision);

// The same, or if there is no precision of this name.
Precision precision_named(std::string_view name);

}  // namespace nn
