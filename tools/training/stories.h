#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "data/text/text.h"
#include "data/tokenizers/tokenizer.h"
#include "pipeline/story.h"
#include "tools/training/progress.h"

namespace training {

// Stories from the model as it is, in samples.txt and, shortened to a line, on standard output.
class Stories {
 public:
  // All references must outlive it, but for the text.
  Stories(const pipeline::TrainingConfig& config, pipeline::Stage& stage,
          pipeline::Mailbox& mailbox, const data::Text& text);

  // On the recorder alone: creates the file, with the earlier content if the run is resumed. Like
  // tell(), throws nn::InputError if it cannot write.
  void open(const std::filesystem::path& file, const std::string& earlier);

  // Called by all ranks after the same step, which counts from 1.
  void tell(int step, const std::string& place);

 private:
  std::unique_ptr<data::Tokenizer> tokenizer_;
  pipeline::Storyteller storyteller_;
  std::filesystem::path path_;
  CFile file_;
};

}  // namespace training
