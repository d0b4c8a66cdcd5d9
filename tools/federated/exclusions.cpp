#include "tools/federated/exclusions.h"

#include <algorithm>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

#include "nn/base/error.h"

namespace federated {

// "3, 5 (it dropped out), 4 (it has no samples)": grouped by reason.
static std::string by_reason(std::span<const fl::Exclusion> excluded) {
  std::vector<std::pair<std::string, std::string>> groups;  // a reason, and its clients
  for (const auto& [client, reason] : excluded) {
    auto group = std::ranges::find(groups, reason, &std::pair<std::string, std::string>::first);
    if (group == groups.end()) group = groups.insert(group, {reason, ""});
    group->second += nn::concat(group->second.empty() ? "" : ", ", client);
  }
  std::string text;
  for (const auto& [reason, clients] : groups)
    text += nn::concat(text.empty() ? "" : ", ", clients, " (", reason, ')');
  return text;
}

std::string warning(const std::string& name, const fl::Round& round) {
  constexpr std::size_t shown = 5;
  const std::span<const fl::Exclusion> excluded = round.excluded;
  std::ostringstream out;
  out << "warning: " << name << ", round " << round.number << ": " << round.excluded.size()
      << " of " << round.chosen
      << " clients are excluded: " << by_reason(excluded.first(std::min(shown, excluded.size())));
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
