#include "nn/precision.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "nn/base/error.h"
#include "nn/base/named_row.h"
#include "nn/kernels/bf16_products.h"
#include "nn/real.h"

namespace nn {

std::span<const PrecisionName> precision_table() {
  static constexpr std::array table{PrecisionName{"float", Precision::full},
                                    PrecisionName{"bf16", Precision::bf16},
                                    PrecisionName{"bf16-plain", Precision::bf16_plain}};
  return table;
}

std::string_view name_of(Precision precision) {
  return std::ranges::find(precision_table(), precision, &PrecisionName::precision)->name;
}

std::string_view numbers_of(Precision precision) {
  return name_of(precision == Precision::bf16_plain ? Precision::bf16 : precision);
}

std::optional<Precision> with_numbers(std::string_view name, Precision usual) {
  for (const Precision precision : {usual, Precision::full, Precision::bf16})
    if (numbers_of(precision) == name) return precision;
  return {};
}

void require_machine_for(Precision precision) {
  demand(precision == Precision::full || sizeof(real) == sizeof(float),
         "this engine computes in double", "leave --precision out");
  demand(precision != Precision::bf16 || kernels::has_bf16(),
         "this processor has no instructions for bfloat16 (AVX512_BF16)",
         "leave --precision out, or choose bf16-plain: the same numbers, slowly");
}

Precision precision_named(std::string_view name) {
  const Precision precision = row_named(precision_table(), name, "--precision").precision;
  require_machine_for(precision);
  return precision;
}

}  // namespace nn
