#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/span.h"
#include "tools/report/document.h"

namespace bench {

// What some work takes by its parts, or on more cores than there are.
struct Profile {
  std::string_view suite, name;  // for --only
  report::Table (*measure)(int threads);
};
std::span<const Profile> profile_table();

std::string to_csv(const report::Table& table);

inline constexpr int many_cores[] = {1, 2, 4, 8, 16, 32, 64};

report::Table llama_cores(int threads);
report::Table llama_parts(int threads);  // each op's
report::Table round_cores(int threads);

// Of a training step of the course's LLaMA with so many sequences of 256 tokens.
std::vector<CoreTime> llama_times(std::span<const int> cores, int sequences);

}  // namespace bench
