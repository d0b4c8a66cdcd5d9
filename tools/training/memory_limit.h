#pragma once

#include <string>
#include <vector>

#include "pipeline/prediction/stage_memory.h"
#include "pipeline/schedules/room.h"
#include "pipeline/schedules/search.h"
#include "tools/training/units.h"

namespace training {

// A limit for a search: "3", so many activations of a whole stage, or "4GB", the bytes of its
// process.
class MemoryLimit {
 public:
  // Throws nn::InputError unless the text is one of these.
  explicit MemoryLimit(const std::string& text);

  // The rooms of so many stages. Throws nn::InputError if it is in bytes, and `memory`, what the
  // stages of a run took, is empty.
  std::vector<pipeline::Room> rooms(int stages,
                                    const std::vector<pipeline::StageMemory>& memory) const;

  // Throws nn::InputError if what was found does not fit, with the least limit that would do.
  void require_fit(const pipeline::Found& found) const;

  std::string text() const;  // "3 activations", "4 GB"
  bool is_in_bytes() const { return !amount_.unit.name.empty(); }

 private:
  Amount amount_;
};

}  // namespace training
