#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nn/models/key_value_cache.h"
#include "nn/random.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

// A story from the model as it is between two steps, by the ranks of the first pipeline: token by
// token, each row of activations passes through all parts of the model. The part with the head
// draws a token and sends it to the embedding.
namespace pipeline {

// Throws nn::InputError for the first option of stories that is invalid.
void require_valid_stories(const TrainingConfig& config);

// Whether a story is written after `done` steps.
bool is_story_after(const TrainingConfig& config, int done);

// Tokens of a story, at most as many as the model's context holds.
int story_length(const TrainingConfig& config);

// To part 0: the token before this one, as a number. To other parts, and to the stages' shares of a
// split head: the row of activations. From these: the scores of their tokens.
Tag story_tag(int step, int token, int part);
std::size_t story_size(const TrainingConfig& config, int part);  // numbers of such a message

class Storyteller {
 public:
  // All references must outlive it. A story follows `end_of_text`, as in training.
  Storyteller(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, int end_of_text);

  // Called by all ranks after the same step. Returns the tokens up to the next end of text on the
  // recorder, and none elsewhere. They are the same for every cut, schedule and number of
  // pipelines, and depend on the weights, the seed and the step alone. `place`: for error messages.
  std::vector<int> tell(int step, const std::string& place);

 private:
  void forward(int step, int token, int part, const std::string& place);
  // A stage's share of a split head, and, on the rank with the last part, the scores of all.
  void score(int step, int token, const std::string& place);
  std::vector<nn::real> join_scores(int step, int token, const std::string& place);
  void draw(int step, int token, std::span<const nn::real> scores);
  Message receive(int stage, int step, int token, int part, const std::string& place);
  void send(int stage, int step, int token, int part, std::span<const nn::real> numbers);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  Placement placement_;
  int end_of_text_, own_stage_;
  bool tells_;                             // this rank is of the first pipeline
  std::vector<nn::KeyValueCache> caches_;  // of all layers; of those elsewhere, empty
  nn::Tape tape_;
  nn::Generator generator_;
  std::vector<int> tokens_;  // of the recorder
};

}  // namespace pipeline
