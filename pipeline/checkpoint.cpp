#include "pipeline/checkpoint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <sstream>
#include <utility>

#include "nn/base/error.h"
#include "nn/files/checkpoint.h"
#include "nn/files/manifest.h"
#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "pipeline/checkpoint_terms.h"
#include "pipeline/collectives.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/shares.h"
#include "pipeline/split_head/gathered_head.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/topology.h"

namespace pipeline {

namespace {

constexpr const char* skipped_key = "steps-left-out";
constexpr const char* run_key = "run-id";
constexpr const char* updates_key = "updates";  // for Adam's bias correction

std::string file_name(std::int64_t block, int pipeline = 0) {
  const std::string piece = nn::concat("piece-", block, ".safetensors");
  return pipeline == 0 ? piece : nn::concat("pipeline-", pipeline, '-', piece);
}

// A block's weights and the optimizer's state of each, by name, and that of outer steps.
std::vector<nn::LoadedTensor> tensors_of(nn::LanguageModel& model,
                                         const nn::Optimizer::State& state,
                                         const OuterSteps::State& outer, int block) {
  const auto [first, size] = model.range(block);
  std::vector<nn::LoadedTensor> tensors;
  for (const auto& [name, shape, offset] : model.parameters().infos()) {
    if (offset < first || offset >= first + size) continue;
    tensors.push_back({name, shape, model.parameters().values().subspan(offset, shape.size())});
    for (const auto& [kept, values] : state.arrays)
      tensors.push_back({name + '.' + kept, shape, values.subspan(offset - first, shape.size())});
    for (const auto& [kept, values] : outer.of_weights)
      tensors.push_back({name + '.' + kept, shape, values.subspan(offset - first, shape.size())});
  }
  for (const auto& [kept, values] : outer.of_segment)
    tensors.push_back({kept, {static_cast<nn::index>(values.size())}, values});
  return tensors;
}

// The number of updates of a block, from its file.
int updates_of(const nn::SafetensorsFile& file) {
  try {
    return nn::whole_number(file.metadata(), updates_key);
  } catch (const nn::Error& error) {
    throw nn::InputError(nn::concat(file.name(), ": ", error.what()),
                         "use another checkpoint, or start over in another folder");
  }
}

}  // namespace

Checkpoints::Checkpoints(nn::CheckpointFolder& folder, const TrainingConfig& config, Stage& stage,
                         StageWorker& worker, Mailbox& mailbox)
    : folder_(folder),
      config_(config),
      stage_(stage),
      worker_(worker),
      mailbox_(mailbox),
      blocks_(stage.all_blocks()),
      stage_number_(config.topology.stage(mailbox.rank())) {}

void Checkpoints::save(int step, std::vector<nn::CheckpointFolder::File> more) {
  worker_.outer_steps().finish_exchanges(worker_.place());
  if (!writes(mailbox_.rank())) {
    for (int block : blocks_) hand_over_share(config_, mailbox_, step, block, worker_.gradients());
    return;
  }
  std::vector<nn::CheckpointFolder::File> files = std::move(more);
  for (int block : blocks_)
    if (block != rows_block_of(config_))
      files.push_back(save_block(step, block));
    else if (mailbox_.rank() != recorder_of(config_))  // which has gathered them with the head
      gather_rows(step);
  const Tag tag{Tag::checkpoint, step};
  if (mailbox_.rank() != 0) {
    std::string lines;
    for (const auto& file : files) lines += to_text(file) + '\n';
    return mailbox_.send_text(0, tag, lines);
  }
  for (int rank = 1; rank < mailbox_.ranks(); ++rank) {
    if (!writes(rank)) continue;
    const std::string what = nn::concat("rank 0 (pipeline 0, stage 0) at the checkpoint of step ",
                                        step, " waited for the files of rank ", rank);
    std::istringstream lines(mailbox_.receive(rank, tag, what).text());
    for (std::string line; std::getline(lines, line);) files.push_back(nn::parse_saved_file(line));
  }
  nn::Metadata state = origin_of(config_);
  if (!run_id.empty()) state[run_key] = run_id;
  state[skipped_key] = std::to_string(worker_.steps_skipped);
  // If this rank was frozen, the members of an elastic run may have gone on without it, and must
  // not lose the checkpoints that they have made meanwhile.
  if (config_.is_elastic) mailbox_.progress("rank 0 was about to complete a checkpoint");
  folder_.complete(step, files, state);
}

bool Checkpoints::writes(int rank) const {
  return config_.trains_alone() || config_.topology.pipeline(rank) == 0;
}

std::string Checkpoints::file_of(int block) const {
  return file_name(block, config_.trains_alone() ? config_.topology.pipeline(mailbox_.rank()) : 0);
}

nn::CheckpointFolder::File Checkpoints::save_block(int step, int block) {
  WholeState whole = whole_state(config_, worker_.gradients(), stage_number_, block);
  collect_shares(config_, mailbox_, step, block, whole);
  const nn::Optimizer::State& state = whole.state;
  std::vector<nn::LoadedTensor> tensors =
      tensors_of(stage_.model(), state, worker_.outer_steps().state(block), block);
  std::vector<std::vector<nn::real>> rows;
  if (config_.splits_head && block == stage_.model().head_block()) {
    rows = gather_rows(step);
    const std::string& name = stage_.model().parameters().infos().back().name;
    const nn::Shape shape{config_.model.vocab_size, config_.model.hidden_size};
    for (std::size_t i = 0; i < rows.size(); ++i)
      tensors.push_back({i == 0 ? name : name + '.' + state.arrays[i - 1].name, shape, rows[i]});
  }
  std::vector<nn::SavedTensor> saved;
  for (const auto& [name, shape, numbers, is_integer] : tensors) {
    if (!nn::all_finite(numbers))
      throw nn::InputError(nn::concat("after step ", step, ' ', name, " is not finite"),
                           "choose a lower --lr, or a --warmup");
    saved.push_back({name, shape, numbers});
  }
  const nn::SafetensorsContent content(saved, {{updates_key, std::to_string(state.steps)}});
  return folder_.write(step, file_of(block), content.parts());
}

// The weight of a split head and the optimizer's state for it: whole on the recorder, which has
// the last stage, and nothing elsewhere.
std::vector<std::vector<nn::real>> Checkpoints::gather_rows(int step) {
  const int block = rows_block_of(config_);
  WholeState whole = whole_state(config_, worker_.gradients(), stage_number_, block);
  collect_shares(config_, mailbox_, step, block, whole);
  std::vector<std::span<const nn::real>> arrays;
  for (const nn::LoadedTensor& tensor : tensors_of(stage_.model(), whole.state, {}, block))
    arrays.push_back(tensor.numbers);
  return gather_head(config_, mailbox_, tag_of_gathered_state(config_, step), arrays,
                     nn::concat("rank ", mailbox_.rank(), " at the checkpoint of step ", step,
                                " waited for the shares of the head"));
}

int Checkpoints::resume(const std::function<void(const std::string&)>& report, bool looks) {
  const Tag step_tag{Tag::checkpoint, 0, 0}, skipped_tag{Tag::checkpoint, 0, 1},
      all_heard_tag{Tag::checkpoint, 0, 2};
  int step = 0;
  if (mailbox_.rank() == 0) {
    if (looks) step = find_newest(report);
    mailbox_.begin_step(step);
    for (int other = 1; other < mailbox_.ranks(); ++other) {
      mailbox_.send_number(other, step_tag, step);
      mailbox_.send_number(other, skipped_tag, worker_.steps_skipped);
    }
  } else {
    const auto hear = [&](Tag tag) {
      const double number =
          mailbox_.receive_number(0, tag, "waiting for rank 0 to find the newest checkpoint");
      nn::require(number >= 0 && number <= config_.steps,
                  "rank 0 sent an impossible step: ", number);
      return static_cast<int>(number);
    };
    step = hear(step_tag);
    worker_.steps_skipped = hear(skipped_tag);
    mailbox_.begin_step(step);
  }
  // From here on messages of other steps are dropped, so every rank must know this one.
  sum_over_ranks(mailbox_, {0}, all_heard_tag, "waiting for all ranks to learn the step");
  if (step > 0)
    for (int block : blocks_)
      if (!config_.splits_head || block < stage_.model().head_block())
        load_block(folder_.path_of(step), block);
  if (step > 0 && config_.splits_head) load_split_head(folder_.path_of(step));
  return step;
}

// Checks that everything is there that a run needs to resume; compare_terms() checks that it may.
void Checkpoints::require_whole(const nn::CheckpointFolder::Saved& saved) const {
  nn::whole_number(saved.state, skipped_key);
  require_terms(config_, saved.state);
  const int layers = nn::whole_number(saved.state, "depth");
  for (int pipeline = 0; pipeline < pipelines_with_files(saved.state); ++pipeline)
    for (std::int64_t block = 0; block < layers + std::int64_t{2}; ++block) {
      const std::string name = file_name(block, pipeline);
      nn::require(std::ranges::find(saved.files, name, &nn::SavedFile::name) != saved.files.end(),
                  "there is no ", name);
      updates_of(nn::SafetensorsFile(saved.folder / name));
    }
}

int Checkpoints::find_newest(const std::function<void(const std::string&)>& report) {
  const auto saved = folder_.newest(
      report, [this](const nn::CheckpointFolder::Saved& found) { require_whole(found); });
  run_id.clear();
  if (!saved) return 0;
  compare_terms(config_, saved->state, report);
  if (saved->step > config_.steps)
    throw nn::InputError(nn::concat("the checkpoint is from step ", saved->step,
                                    ", but the run ends at step ", config_.steps),
                         "choose more --steps, or another folder");
  worker_.steps_skipped = nn::whole_number(saved->state, skipped_key);
  if (saved->state.contains(run_key)) run_id = saved->state.at(run_key);
  return saved->step;
}

void Checkpoints::load_block(const std::filesystem::path& folder, int block) {
  WholeState whole = whole_state(config_, worker_.gradients(), stage_number_, block);
  nn::SafetensorsFile file(folder / file_of(block));
  nn::load_tensors(
      file, tensors_of(stage_.model(), whole.state, worker_.outer_steps().state(block), block));
  whole.state.steps = updates_of(file);
  keep_share(config_, worker_.gradients(), block, whole);
}

// Reads the whole head, and keeps this rank's rows, and its norm if it is here.
void Checkpoints::load_split_head(const std::filesystem::path& folder) {
  const int head = stage_.model().head_block();
  nn::SafetensorsFile file(folder / file_name(head));
  std::vector<std::string> suffixes{""};
  const nn::Optimizer::State state = worker_.gradients().optimizer_state(head + 1);
  for (const auto& [kept, numbers] : state.arrays) suffixes.push_back(std::string(".") + kept);
  std::map<std::string, std::vector<nn::real>> values;
  std::vector<nn::LoadedTensor> tensors;
  for (const nn::TensorInfo& info : nn::tensors_of(config_.model))
    for (const std::string& suffix : suffixes)
      if (info.block == head) {
        std::vector<nn::real>& numbers = values[info.name + suffix];
        numbers.resize(info.shape.size());
        tensors.push_back({info.name + suffix, info.shape, numbers});
      }
  nn::load_tensors(file, tensors);
  for (int block : blocks_) {
    if (block < head) continue;
    WholeState whole = whole_state(config_, worker_.gradients(), stage_number_, block);
    const nn::index first =
        block == head ? 0 : stage_.model().rows()->first * config_.model.hidden_size;
    for (const nn::LoadedTensor& own : tensors_of(stage_.model(), whole.state, {}, block))
      std::copy_n(values.at(own.name).begin() + first, own.numbers.size(), own.numbers.begin());
    whole.state.steps = updates_of(file);
    keep_share(config_, worker_.gradients(), block, whole);
  }
}

}  // namespace pipeline
