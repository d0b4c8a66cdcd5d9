#include "tools/program/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace tools {

namespace {

// The number of letters to change, add or remove to turn one word into the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = 1 + word.size() / 4;
  for (const std::string& candidate : candidates) {
    const std::size_t slips =
        word.size() > 1 && candidate.starts_with(word) ? 0 : distance(word, candidate);
    if (slips < least || (slips == least && best.empty())) {
      least = slips;
      best = candidate;
    }
  }
  return best;
}

}  // namespace tools
