#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "nn/files/checkpoint_folder.h"
#include "pipeline/stage_worker.h"

namespace pipeline {

// The training's options and the engine, recorded in its models and checkpoints.
nn::Metadata origin_of(const TrainingConfig& config);

// The checkpoints of a training run, in a folder that all ranks see. Every block of the model (see
// nn::LanguageModel) has a file of its own, whatever rank it is on, so that a run of any other cut
// or number of pipelines can go on from it:
//
//   piece-3.safetensors      model.layers.2.mlp.up_proj.weight              and the other weights,
//                            model.layers.2.mlp.up_proj.weight.exp_avg      Adam's moments under
//                            model.layers.2.mlp.up_proj.weight.exp_avg_sq   torch.optim's names
class Checkpoints {
 public:
  // Everything must outlive it.
  Checkpoints(nn::CheckpointFolder& folder, const TrainingConfig& config, Stage& stage,
              StageWorker& worker, Mailbox& mailbox);

  // All ranks call it between the same two steps, of which `step` is the number done. The first
  // pipeline's write their blocks, for replicas are equal; rank 0 hears of every file and then
  // completes the checkpoint. `more` are files that this rank wrote besides. Throws nn::InputError,
  // also if a weight is not finite.
  void save(int step, std::vector<nn::CheckpointFolder::File> more);

  // The run's id, on rank 0: save() records it, resume() reads it. Empty: none.
  std::string run_id;

  // All ranks call it before the first step and go on from the newest undamaged checkpoint, which
  // rank 0 finds. Only rank 0 reports anything notable about it, such as another processor. Returns
  // the steps done, 0 if there is no checkpoint. Throws nn::InputError if the checkpoint belongs to
  // a different training.
  int resume(const std::function<void(const std::string&)>& report);

 private:
  nn::CheckpointFolder::File save_block(int step, int block);
  void load_block(const std::filesystem::path& folder, int block);
  void require_whole(const nn::CheckpointFolder::Saved& saved) const;
  int find_newest(const std::function<void(const std::string&)>& report);

  nn::CheckpointFolder& folder_;
  const TrainingConfig& config_;
  Stage& stage_;
  StageWorker& worker_;
  Mailbox& mailbox_;
  std::vector<int> blocks_;  // of this rank
};

}  // namespace pipeline
