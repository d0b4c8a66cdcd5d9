#include "tools/training/text_choice.h"

#include <doctest/doctest.h>

#include "nn/base/file.h"
#include "tools/program/temporary_folder.h"

TEST_CASE("a model is trained further with the tokenizer in its folder") {
  const tools::TemporaryFolder model;
  data::TextOptions options{.data_raw = "raw"};
  training::choose_vocabulary(options, model.path, "gpt2");
  CHECK(options.tokenizer.empty());
  CHECK(options.vocabulary == data::gpt2_folder("raw"));
  nn::write_file_atomically(model.path / "tokenizer.json", "{}");
  training::choose_vocabulary(options, model.path, "gpt2");
  CHECK(options.tokenizer == model.path / "tokenizer.json");
  options.tokenizer = "bytes";
  training::choose_vocabulary(options, model.path, "gpt2");
  CHECK(options.tokenizer == "bytes");
}

TEST_CASE("only what a run can use is fetched") {
  CHECK(training::datasets_of({}, "vocabulary") == "vocabulary stories");
  CHECK(training::datasets_of({.text = "shakespeare"}, "gpt2") == "gpt2 shakespeare");
  CHECK(training::datasets_of({.text = "README.md", .tokenizer = "bytes"}, "gpt2").empty());
}
