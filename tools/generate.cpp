// bin/generate: writes a story with a language model from a checkpoint.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "data/tokenizer.h"
#include "nn/base/error.h"
#include "nn/base/utf8.h"
#include "nn/blas.h"
#include "nn/models/decoder.h"
#include "nn/models/hugging_face.h"
#include "nn/models/language_model.h"
#include "nn/models/sample.h"
#include "nn/random.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "tools/program/options.h"
#include "tools/program/program.h"

namespace {

using data::Tokenizer;

struct GenerateOptions {
  std::string checkpoint, prompt;
  double temperature = 0.8, top_p = 0.9;
  std::uint64_t seed = 1;
  std::optional<nn::index> tokens;
};

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& folder,
                                          const nn::LanguageModelConfig& config) {
  const std::filesystem::path file = folder / "tokenizer.json";
  std::error_code error;  // a dangling link counts as there, and fails to load
  const bool is_there = exists(symlink_status(file, error));
  std::unique_ptr<Tokenizer> tokenizer =
      is_there ? data::load_tokenizer(file) : data::byte_tokenizer();
  if (is_there && tokenizer->vocabulary() > config.vocab_size)
    throw nn::InputError(nn::concat(file.string(), " has ", tokenizer->vocabulary(),
                                    " tokens, but the model only ", config.vocab_size),
                         "put the tokenizer that the model was trained with into its folder");
  if (!is_there && tokenizer->vocabulary() != config.vocab_size)
    throw nn::InputError(
        nn::concat("there is no tokenizer.json in ", folder.string(), ", and the model's ",
                   config.vocab_size, " tokens are not single bytes"),
        "copy the tokenizer.json that the model was trained with into the folder");
  return tokenizer;
}

// Writes the text of tokens as they come, but holds back an incomplete UTF-8 character at the end.
class Story {
 public:
  explicit Story(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void append(std::span<const int> ids) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    std::string_view text = text_ = tokenizer_.decode(ids_);
    while (text.ends_with(nn::replacement_character))
      text.remove_suffix(nn::replacement_character.size());
    write(text);
  }
  void end() {
    write(text_);
    std::cout << '\n';
  }

 private:
  void write(std::string_view text) {
    if (text.size() <= written_) return;
    std::cout << text.substr(written_) << std::flush;
    written_ = text.size();
  }

  const Tokenizer& tokenizer_;
  std::vector<int> ids_;
  std::string text_;
  std::size_t written_ = 0;  // bytes
};

void require_sampling(const GenerateOptions& options) {
  if (!(options.temperature >= 0) || std::isinf(options.temperature))
    throw nn::InputError(
        nn::concat("the temperature ", options.temperature, " is not a number from 0 up"),
        "0 always takes the likeliest token, 1 samples as the model predicts");
  if (!(options.top_p > 0 && options.top_p <= 1))
    throw nn::InputError(nn::concat("top-p ", options.top_p, " is not in (0, 1]"),
                         "1 allows every token, 0.9 excludes the unlikeliest tenth");
}

void generate(const GenerateOptions& options) {
  require_sampling(options);
  nn::ModelCheckpoint checkpoint(options.checkpoint);
  const auto tokenizer = open_tokenizer(options.checkpoint, checkpoint.config());
  const std::vector<int> prompt = tokenizer->encode(options.prompt);
  // In training a story follows the end of another.
  std::vector<int> begin{tokenizer->end_of_text()};
  begin.insert(begin.end(), prompt.begin(), prompt.end());
  const nn::index room = checkpoint.config().max_positions - static_cast<nn::index>(begin.size());
  if (room < 0)
    throw nn::InputError(nn::concat("the prompt has ", prompt.size(),
                                    " tokens, but the model's context has room for ",
                                    checkpoint.config().max_positions - 1),
                         "use a shorter prompt");
  nn::LanguageModel model(checkpoint.config());
  checkpoint.load(model);

  nn::Decoder decoder(model);
  nn::Generator generator(options.seed);
  Story story(*tokenizer);
  story.append(prompt);
  const auto start = std::chrono::steady_clock::now();
  std::span<const nn::real> scores = decoder.step(begin);
  nn::index made = 0;
  const nn::index most = std::min(options.tokens.value_or(room + 1), room + 1);
  while (true) {
    const int token = nn::sample(scores.first(tokenizer->vocabulary()), options.temperature,
                                 options.top_p, generator);
    if (token == tokenizer->end_of_text()) break;
    story.append({&token, 1});
    if (++made == most) break;
    scores = decoder.step(token);
  }
  story.end();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (isatty(STDERR_FILENO))
    std::cerr << std::fixed << std::setprecision(1) << static_cast<double>(made) / seconds.count()
              << " tokens/s\n";
}

int run(int argc, char** argv) {
  GenerateOptions options;
  tools::Options line("generate", "Writes a story with a trained language model.");
  line.add("--checkpoint", options.checkpoint,
           "folder of the model in Hugging Face's format, with its tokenizer.json")
      .required();
  line.add("--prompt", options.prompt, "beginning of the story");
  line.add("--temperature", options.temperature, "sampling temperature; 0, the likeliest token");
  line.add("--top-p", options.top_p, "probability mass to sample from, likeliest tokens first");
  line.add("--seed", options.seed, "the same seed gives the same story")
      .between(std::uint64_t{0}, tools::largest_seed);
  line.add("--tokens", options.tokens, "most tokens to write: as many as the context holds")
      .between(1, 1'000'000'000);
  line.parse(argc, argv);
  nn::blas::reserve(1);  // one row at a time: nothing to share, and one order of sums
  generate(options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run(argc, argv); });
}
