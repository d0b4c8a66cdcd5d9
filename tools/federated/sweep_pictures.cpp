#include "tools/federated/sweep_pictures.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
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

// The sum over the seeds.
void add_confusion(const Sweep& sweep, const std::string& name, const Group& group,
                   report::Document& document) {
  std::vector<int> sum;
  for (const RunRows* run : group.runs) {
    const auto counts = confusion_of(sweep.folder_of(*run->run));
    if (!counts) continue;
    sum.resize(counts->size());
    std::ranges::transform(sum, *counts, sum.begin(), std::plus());
  }
  if (sum.empty()) return;
  document.blocks.emplace_back(report::ConfusionMatrix{
      "", name + ": test images after the last round, with the pattern of a backdoor",
      static_cast<int>(std::lround(std::sqrt(sum.size()))), sum});
}

}  // namespace

void add_pictures(const Sweep& sweep, const Groups& groups, report::Document& document) {
  add_splits(sweep, groups, document);
  for (const auto& [name, group] : groups) add_confusion(sweep, name, group, document);
}

}  // namespace federated
