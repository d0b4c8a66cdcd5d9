#include "tools/training/memory_limit.h"

#include <cmath>
#include <iomanip>

#include "nn/base/error.h"

namespace training {

namespace {

constexpr Unit units[] = {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"", 1}};  // "": activations

Amount limit_of(const std::string& text) {
  if (const auto amount = parse_amount(text, units); amount && amount->value() <= 1e15)
    return *amount;
  throw nn::InputError(nn::concat("--memory \"", text, "\" is neither activations nor bytes"),
                       "give activations of a whole stage, such as 3, or the memory of a stage, "
                       "such as 4GB or 500MB");
}

// With all digits of bytes, so that a limit that is proposed is enough.
std::string shown(double number) { return nn::concat(std::setprecision(15), number); }

}  // namespace

MemoryLimit::MemoryLimit(const std::string& text) : amount_(limit_of(text)) {}

std::vector<pipeline::Room> MemoryLimit::rooms(
    int stages, const std::vector<pipeline::StageMemory>& memory) const {
  if (!is_in_bytes()) return pipeline::uniform_rooms(stages, 1, amount_.number);
  if (memory.empty())
    throw nn::InputError("--memory in bytes needs to know what the stages of a run took",
                         "give the --costs out/pipeline/costs.json of a new run");
  return pipeline::rooms_within(amount_.value(), memory);
}

void MemoryLimit::require_fit(const pipeline::Found& found) const {
  if (found.excess == 0) return;
  const double least = (amount_.value() + found.excess) / amount_.unit.size;
  const double rounded = std::ceil(100 * least - 1e-9) / 100;
  const std::string enough = shown(rounded) + std::string(amount_.unit.name);
  throw nn::InputError(
      nn::concat("every schedule exceeds ", text(), " on some stage; the least is ", enough),
      nn::concat("give --memory ", enough, " or more"));
}

std::string MemoryLimit::text() const {
  return nn::concat(shown(amount_.number), " ", is_in_bytes() ? amount_.unit.name : "activations");
}

}  // namespace training
