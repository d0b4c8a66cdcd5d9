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

#include "data/tokenizers/tokenizer.h"
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
  nn::Sampling sampling{.temperature = 0.8, .top_p = 0.9};
  std::uint64_t seed = 1;
  int samples = 1;
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

void require_sampling(const nn::Sampling& sampling) {
  if (!(sampling.temperature >= 0) || std::isinf(sampling.temperature))
    throw nn::InputError(
        nn::concat("the temperature ", sampling.temperature, " is not a number from 0 up"),
        "0 always takes the likeliest token, 1 samples as the model predicts");
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    throw nn::InputError(nn::concat("top-p ", sampling.top_p, " is not in (0, 1]"),
                         "1 allows every token, 0.9 excludes the unlikeliest tenth");
}

// The scores for the next token, however long the text grows. When the model's context is full, the
// decoder begins again with the second half of what is in it.
class SlidingDecoder {
 public:
  explicit SlidingDecoder(const nn::LanguageModel& model)
      : decoder_(model), context_(static_cast<std::size_t>(model.config().max_positions)) {}

  void restart() {
    decoder_.restart();
    seen_.clear();
  }
  // The scores after these tokens, of which only the last that fit into the context count.
  std::span<const nn::real> step(std::span<const int> tokens) {
    if (seen_.size() + tokens.size() > context_) {
      seen_.insert(seen_.end(), tokens.begin(), tokens.end());
      const std::size_t kept = tokens.size() > 1 ? context_ : (context_ + 1) / 2;
      seen_.erase(seen_.begin(), seen_.end() - static_cast<std::ptrdiff_t>(kept));
      decoder_.restart();
      return decoder_.step(seen_);
    }
    seen_.insert(seen_.end(), tokens.begin(), tokens.end());
    return decoder_.step(tokens);
  }

 private:
  nn::Decoder decoder_;
  std::size_t context_;
  std::vector<int> seen_;  // by the decoder
};

// Returns how many tokens were written.
nn::index write_story(const GenerateOptions& options, const Tokenizer& tokenizer,
                      SlidingDecoder& decoder, nn::Generator& generator) {
  const std::vector<int> prompt = tokenizer.encode(options.prompt);
  // In training a story follows the end of another.
  std::vector<int> begin{tokenizer.end_of_text()};
  begin.insert(begin.end(), prompt.begin(), prompt.end());
  decoder.restart();
  Story story(tokenizer);
  story.append(prompt);
  std::span<const nn::real> scores = decoder.step(begin);
  nn::index made = 0;
  while (true) {
    const int token = nn::sample(scores.first(tokenizer.vocabulary()), options.sampling, generator);
    if (token == tokenizer.end_of_text()) break;
    story.append({&token, 1});
    if (++made == options.tokens) break;
    scores = decoder.step({&token, 1});
  }
  story.end();
  return made;
}

void generate(GenerateOptions options) {
  require_sampling(options.sampling);
  nn::ModelCheckpoint checkpoint(options.checkpoint);
  const auto tokenizer = open_tokenizer(options.checkpoint, checkpoint.config());
  const auto prompt = static_cast<nn::index>(tokenizer->encode(options.prompt).size());
  const nn::index context = checkpoint.config().max_positions;
  if (prompt >= context)
    std::cerr << "note: of the prompt's " << prompt << " tokens, the model reads the last "
              << context << '\n';
  if (!options.tokens) options.tokens = std::max<nn::index>(context - prompt, 1);
  nn::LanguageModel model(checkpoint.config());
  checkpoint.load(model);

  SlidingDecoder decoder(model);
  nn::Generator generator(options.seed);
  nn::index made = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int sample = 0; sample < options.samples; ++sample) {
    if (sample > 0) std::cout << "---\n";
    made += write_story(options, *tokenizer, decoder, generator);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (isatty(STDERR_FILENO))
    std::cerr << std::fixed << std::setprecision(1) << static_cast<double>(made) / seconds.count()
              << " tokens/s\n";
}

int run(int argc, char** argv) {
  GenerateOptions options;
  tools::Options line("generate", "Writes a story with a trained language model.");
  line.add("checkpoint,--checkpoint", options.checkpoint,
           "folder of the model in Hugging Face's format, with its tokenizer.json")
      .required();
  line.add("--prompt", options.prompt, "beginning of the story");
  line.add("--temperature", options.sampling.temperature,
           "sampling temperature; 0, the likeliest token");
  line.add("--top-k", options.sampling.top_k, "samples from the k likeliest tokens; 0, from all")
      .between(0, 1 << 30);
  line.add("--top-p", options.sampling.top_p,
           "probability mass to sample from, likeliest tokens first");
  line.add("--seed", options.seed, "the same seed gives the same story")
      .between(std::uint64_t{0}, tools::largest_seed);
  line.add("--samples", options.samples, "stories to write, with --- between them")
      .between(1, 1'000'000);
  line.add("--tokens", options.tokens,
           "most tokens to write, also beyond the context: as many as it holds")
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
