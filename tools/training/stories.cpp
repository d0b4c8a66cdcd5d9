#include "tools/training/stories.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/printable.h"

namespace training {

Stories::Stories(const pipeline::TrainingConfig& config, pipeline::Stage& stage,
                 pipeline::Mailbox& mailbox, const data::Text& text)
    : tokenizer_(data::open_tokenizer(text.tokenizer_json)),
      storyteller_(config, stage, mailbox, tokenizer_->end_of_text()) {}

void Stories::open(const std::filesystem::path& file, const std::string& earlier) {
  path_ = file;
  nn::write_file_atomically(file, earlier);
  file_.reset(std::fopen(file.c_str(), "a"));
  if (!file_) nn::throw_cannot_write(file, std::strerror(errno));
}

void Stories::tell(int step, const std::string& place) {
  const std::vector<int> tokens = storyteller_.tell(step - 1, place);
  if (!file_) return;
  const std::string story = tokenizer_->decode(tokens);
  const std::string entry = nn::concat("step ", step, '\n', story, "\n\n");
  std::fwrite(entry.data(), 1, entry.size(), file_.get());
  if (std::fflush(file_.get()) != 0) nn::throw_cannot_write(path_, std::strerror(errno));
  std::cout << "story after step " << step << ": " << nn::printable(story, 300) << std::endl;
}

}  // namespace training
