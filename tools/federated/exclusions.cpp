#include "tools/federated/exclusions.h"

#include <algorithm>
#include <sstream>

namespace federated {

std::string warning(const std::string& name, const fl::Round& round) {
  constexpr std::size_t shown = 5;
  std::ostringstream out;
  out << "warning: " << name << ", round " << round.number << ": " << round.excluded.size()
      << " of " << round.chosen << " clients are excluded: ";
  for (std::size_t i = 0; i < std::min(shown, round.excluded.size()); ++i)
    out << (i ? ", " : "") << round.excluded[i].client << " (" << round.excluded[i].reason << ')';
  if (round.excluded.size() > shown) out << ", ...";
  if (static_cast<int>(round.excluded.size()) == round.chosen)
    out << "; no client is left, the model stays as it was";
  out << '\n';
  return out.str();
}

int count_excluded(const Run& run) {
  std::size_t count = 0;
  for (const fl::Round& round : run.rounds) count += round.excluded.size();
  return static_cast<int>(count);
}

bool has_diverged(const Run& run) {
  const fl::Round& last = run.rounds.back();
  return std::ssize(last.excluded) == last.chosen &&
         std::ranges::any_of(last.excluded, [](const fl::Exclusion& out) {
           return out.reason == "its update is not finite";  // as fl::Server has it
         });
}

}  // namespace federated
