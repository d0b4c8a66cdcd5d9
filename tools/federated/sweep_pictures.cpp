#include "tools/federated/sweep_pictures.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <iterator>
#include <utility>

#include "nn/base/file.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

// With each configuration's first seed; equal pictures once, with the names of all that have them.
void add_splits(const Sweep& sweep, const Groups& groups, report::Document& document) {
  using Named = std::pair<std::string, std::string>;
  std::vector<Named> pictures;
  for (const auto& [name, group] : groups) {
    const fs::path file = sweep.folder_of(*group.runs.front()->run) / split_picture;
    if (!fs::exists(file)) continue;  // of an earlier version
    const std::string svg = nn::read_file(file);
    const auto found = std::ranges::find(pictures, svg, &Named::second);
    if (found == pictures.end())
      pictures.emplace_back(name, svg);
    else
      found->first += ", " + name;
  }
  for (const auto& [names, svg] : pictures) {
    document.blocks.emplace_back(report::Paragraph{"The split of " + names + ":"});
    document.blocks.emplace_back(report::Picture{"The split", svg});
  }
}

// The sum over the seeds; empty without an attack.
std::vector<int> total_confusion(const Sweep& sweep, const Group& group) {
  std::vector<int> sum;
  for (const RunRows* run : group.runs) {
    const auto counts = confusion_of(sweep.folder_of(*run->run));
    if (!counts) continue;
    sum.resize(counts->size());
    std::ranges::transform(sum, *counts, sum.begin(), std::plus());
  }
  return sum;
}

void add_confusions(const Sweep& sweep, const Groups& groups, report::Document& document) {
  std::vector<report::Block> matrices;
  for (const auto& [name, group] : groups)
    if (const std::vector<int> counts = total_confusion(sweep, group); !counts.empty())
      matrices.emplace_back(report::ConfusionMatrix{
          "", name, static_cast<int>(std::lround(std::sqrt(counts.size()))), counts});
  if (matrices.empty()) return;
  document.blocks.emplace_back(report::Paragraph{
      "Test examples after the last round, with a backdoor's pattern if that is the attack:"});
  std::ranges::move(matrices, std::back_inserter(document.blocks));
}

}  // namespace

void add_pictures(const Sweep& sweep, const Groups& groups, report::Document& document) {
  add_splits(sweep, groups, document);
  add_confusions(sweep, groups, document);
}

}  // namespace federated
