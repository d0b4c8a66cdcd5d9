#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "data/mapped_file.h"
#include "data/text/token_cache.h"
#include "data/tokenizers/tokenizer.h"
#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/checkpoint_folder.h"
#include "nn/models/hugging_face.h"
#include "tools/federated/compare.h"
#include "tools/federated/saved_run.h"
#include "tools/training/losses.h"
#include "tools/training/trace_files.h"

// Every version of our files so far is read. tests/golden/formats/VERSION has one of each, written
// by make.sh there.
namespace {

namespace fs = std::filesystem;

const fs::path formats = "tests/golden/formats";

std::vector<fs::path> versions() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(formats))
    if (entry.is_directory()) folders.push_back(entry.path());
  return folders;
}

}  // namespace

TEST_CASE("every version of a checkpoint is accepted as whole") {
  REQUIRE(!versions().empty());
  for (const fs::path& version : versions()) {
    CAPTURE(version);
    const auto saved =
        nn::CheckpointFolder(version).newest([](const std::string& line) { FAIL(line); });
    REQUIRE(saved.has_value());
    CHECK(saved->step == 4);
    CHECK(saved->state.at("text") == "234 tokens, checksum 3531509533");
    CHECK(saved->state.at("lr") == "8e-04");
    CHECK(saved->files.size() == 4);
    CHECK(saved->state.contains("blas-core") == (version.filename() != "1"));
    nn::SafetensorsFile piece(saved->folder / "piece-1.safetensors");
    CHECK(nn::whole_number(piece.metadata(), "updates") == 4);
    CHECK(piece.entries().at("model.layers.0.mlp.up_proj.weight.exp_avg").shape == nn::Shape{8, 4});
  }
}

TEST_CASE("every version of a model is loaded") {
  for (const fs::path& version : versions()) {
    CAPTURE(version);
    nn::ModelCheckpoint checkpoint(version / "checkpoint");
    CHECK(checkpoint.config().hidden_size == 4);
    CHECK(checkpoint.state().empty() == (version.filename() == "1"));
    nn::LanguageModel model(checkpoint.config());
    checkpoint.load(model);
    // The weights are those of the checkpoint.
    const auto piece = nn::read_safetensors(version / "step-4" / "piece-0.safetensors");
    CHECK(std::ranges::equal(piece.tensors.at("model.embed_tokens.weight").span(),
                             model.parameters().values().first(259 * 4)));
  }
}

TEST_CASE("every version of a run's records is read") {
  for (const fs::path& version : versions()) {
    CAPTURE(version);
    const training::Losses losses = training::read_losses(version / "loss.csv");
    CHECK(losses.steps == std::vector<double>{1, 2, 3, 4});
    CHECK(losses.values.front() == doctest::Approx(5.5618062));
    CHECK(nn::read_file(version / "step-4" / "loss.csv") == nn::read_file(version / "loss.csv"));
    CHECK(training::read_trace(version / "trace-rank-0.csv").size() > 50);
  }
}

TEST_CASE("every version of a federated run is read") {
  for (const fs::path& version : versions()) {
    CAPTURE(version);
    const fs::path manifest = version / "round-2" / "manifest.txt";
    const nn::Manifest saved = nn::parse_manifest(nn::read_file(manifest), manifest.string());
    CHECK(saved.step == 2);
    CHECK(saved.state.at("run") ==
          "fedavg mlp N=100 C=0.01 B=100 E=1 η=0.01 iid seed=10 mnist in float");
    const auto rounds = federated::parse_rounds(nn::read_file(version / "round-2" / "rounds.txt"));
    REQUIRE(rounds.size() == 2);
    CHECK(rounds[1].accuracy == doctest::Approx(14.51));
    CHECK(federated::read_results(version / "results.csv").size() == 1);
  }
}

TEST_CASE("a token cache of this version is read, and one of another version is made again") {
  const data::MappedFile now(formats / "3" / "text.tokens"), old(formats / "2" / "text.tokens");
  data::TokenSource source;  // as the trailer has it, behind its magic
  const std::byte* trailer = now.bytes().last(48).data();
  std::memcpy(&source.text_bytes, trailer + 8, 8);
  std::memcpy(&source.text_time, trailer + 16, 8);
  CHECK(source.text_bytes == fs::file_size(formats / "text.txt"));
  const auto tokens = data::parse_tokens(now.bytes(), source);
  REQUIRE(tokens.has_value());
  CHECK(tokens->ids.size() == 234);
  CHECK(tokens->vocabulary == 259);
  std::memcpy(&source.text_time, old.bytes().data() + 16, 8);
  CHECK(!data::parse_tokens(old.bytes(), source));
}
