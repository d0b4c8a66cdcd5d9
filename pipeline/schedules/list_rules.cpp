#include "pipeline/schedules/list_rules.h"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "nn/base/error.h"

namespace pipeline {
namespace {

const char* name_of(Work work) {
  return std::array{"forward", "backward", "weights", "scores",
                    "head's weights"}[static_cast<std::size_t>(work)];
}

bool is_within(int index, int count) { return 0 <= index && index < count; }

class ListRules {
 public:
  explicit ListRules(const Plan& plan)
      : schedules_(plan.stages),
        microbatches_(plan.microbatches),
        chunks_(plan.placement.chunks()),
        splits_head_(plan.splits_head) {}

  void require_list(int stage) const {
    std::vector<char> seen(kinds_of_work * chunks_ * microbatches_);
    const auto seen_at = [&](const Action& a) -> char& {
      return seen[(static_cast<int>(a.work) * chunks_ + a.chunk) * microbatches_ + a.microbatch];
    };
    std::vector<int> next_weights(chunks_ + 1);  // the last ones are the head's
    for (const Action& action : schedules_[stage]) {
      if (!is_within(action.microbatch, microbatches_) || !is_within(action.chunk, chunks_))
        refuse(stage, "does", action,
               nn::concat(", which does not exist (microbatches: ", microbatches_,
                          ", chunks: ", chunks_, ")"));
      const bool is_of_head = action.work == Work::scores || action.work == Work::head;
      if (is_of_head && (!splits_head_ || action.chunk != 0))
        refuse(stage, "does", action, ", which it does not have");
      if (seen_at(action)) refuse(stage, "does", action, " twice");
      seen_at(action) = true;
      if (action.work == Work::backward &&
          !seen_at({Work::forward, action.microbatch, action.chunk}))
        refuse(stage, "does", action, " before its forward");
      if (action.work == Work::weights &&
          !seen_at({Work::backward, action.microbatch, action.chunk}))
        refuse(stage, "does", action, " before its backward");
      if (action.work == Work::head && !seen_at({Work::scores, action.microbatch, action.chunk}))
        refuse(stage, "does", action, " before its scores");
      if (action.work != Work::weights && action.work != Work::head) continue;
      if (action.microbatch != next_weights[is_of_head ? chunks_ : action.chunk]++)
        refuse(stage, "does", action, " out of turn: gradients add up in ascending microbatches");
    }
    const auto require_all = [&](Work work, int chunk) {
      for (int i = 0; i < microbatches_; ++i)
        if (!seen_at({work, i, chunk})) refuse(stage, "never does", {work, i, chunk});
    };
    for (const Work work : {Work::forward, Work::backward, Work::weights})
      for (int chunk = 0; chunk < chunks_; ++chunk) require_all(work, chunk);
    if (splits_head_)
      for (const Work work : {Work::scores, Work::head}) require_all(work, 0);
  }

 private:
  [[noreturn]] void refuse(int stage, const char* verb, const Action& action,
                           const std::string& complaint = "") const {
    throw BadSchedule(nn::concat(
        "stage ", stage, " ", verb, " the ", name_of(action.work), " of microbatch ",
        action.microbatch, chunks_ > 1 ? nn::concat(" in chunk ", action.chunk) : "", complaint));
  }

  const std::vector<Schedule>& schedules_;
  const int microbatches_, chunks_;
  const bool splits_head_;
};

}  // namespace

void require_lists(const Plan& plan) {
  const ListRules rules(plan);
  for (int stage = 0; stage < static_cast<int>(plan.stages.size()); ++stage)
    rules.require_list(stage);
}

}  // namespace pipeline
