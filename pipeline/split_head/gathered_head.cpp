#include "pipeline/split_head/gathered_head.h"

#include <algorithm>
#include <cstddef>

#include "nn/base/error.h"
#include "pipeline/shares.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/topology.h"

namespace pipeline {

std::vector<std::vector<nn::real>> gather_head(const TrainingConfig& config, Mailbox& mailbox,
                                               Tag tag,
                                               std::span<const std::span<const nn::real>> arrays,
                                               const std::string& what) {
  const Topology& t = config.topology;
  const int recorder = recorder_of(config);
  const auto tag_of = [&](std::size_t array) {
    return Tag{tag.kind, tag.step, tag.item, tag.part + static_cast<int>(array)};
  };
  Lease lease;
  if (mailbox.rank() != recorder) {
    for (std::size_t i = 0; i < arrays.size(); ++i)
      mailbox.send(recorder, tag_of(i), arrays[i], lease);
    mailbox.wait([&lease] { return lease.is_free(); }, what);
    return {};
  }
  std::vector<std::vector<nn::real>> whole(arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i)
    for (int stage = 0; stage < t.stages; ++stage) {
      const int from = t.rank(0, stage);
      const auto add = [&](std::span<const nn::real> rows) {
        nn::require(rows.size() == size_of_block(config, stage, rows_block_of(config)), "rank ",
                    from, " sent ", rows.size(), " numbers of its share of the head");
        whole[i].insert(whole[i].end(), rows.begin(), rows.end());
      };
      if (from == recorder)
        add(arrays[i]);
      else
        add(mailbox.receive(from, tag_of(i), what).numbers());
    }
  return whole;
}

// After the parts with shares of moments (shares.cpp).
Tag tag_of_gathered_state(const TrainingConfig& config, int step) {
  return {Tag::checkpoint, step, rows_block_of(config), 2 + most_arrays};
}

}  // namespace pipeline
