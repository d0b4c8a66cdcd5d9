#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nn/files/checkpoint_folder.h"
#include "nn/files/safetensors.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "pipeline/training_config.h"

namespace pipeline {

// The checkpoints of a training run, in a folder that all ranks can see. Every block of the model
// (see nn::LanguageModel) has a file of its own, whichever rank holds it, so a run with another cut
// or number of pipelines can resume from it:
//
//   piece-3.safetensors      model.layers.2.mlp.up_proj.weight              and the other weights;
//                            model.layers.2.mlp.up_proj.weight.exp_avg      the optimizer's state,
//                            model.layers.2.mlp.up_proj.weight.exp_avg_sq   by torch.optim's names
//
// If pipelines train alone, each has files of its own, such as pipeline-1-piece-3.safetensors, also
// with the state of outer steps (OuterSteps::State); the number of pipelines must stay the same.
class Checkpoints {
 public:
  // Everything must outlive it.
  Checkpoints(nn::CheckpointFolder& folder, const TrainingConfig& config, Stage& stage,
              StageWorker& worker, Mailbox& mailbox);

  // Called by all ranks between the same two steps; `step` steps are done. The ranks of the first
  // pipeline write their blocks, or those of all if they train alone. Replicas only send their
  // shares of moments (shares.h). Rank 0 completes the checkpoint once every file is reported.
  // `more`: other files that this rank has written for it. Throws nn::InputError if a file cannot
  // be written or a weight is not finite.
  void save(int step, std::vector<nn::CheckpointFolder::File> more);

  // The run's id, on rank 0: save() records it, resume() reads it. Empty if there is none.
  std::string run_id;

  // Called by all ranks before the first step: loads the newest undamaged checkpoint, which rank 0
  // finds. Only rank 0 calls `report`, with notes such as a change of processor. Returns the number
  // of steps done, 0 without a checkpoint. Throws nn::InputError if the checkpoint belongs to a
  // different training. `looks`: on rank 0, whether there may be one.
  int resume(const std::function<void(const std::string&)>& report, bool looks = true);

 private:
  bool writes(int rank) const;
  std::string file_of(int block) const;
  nn::CheckpointFolder::File save_block(int step, int block);
  std::vector<std::vector<nn::real>> gather_rows(int step);
  void load_block(const std::filesystem::path& folder, int block);
  void load_split_head(const std::filesystem::path& folder);
  void require_whole(const nn::CheckpointFolder::Saved& saved) const;
  int find_newest(const std::function<void(const std::string&)>& report);

  nn::CheckpointFolder& folder_;
  const TrainingConfig& config_;
  Stage& stage_;
  StageWorker& worker_;
  Mailbox& mailbox_;
  std::vector<int> blocks_;  // of this rank
  int stage_number_;
};

}  // namespace pipeline
