#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/file.h"
#include "tests/toy.h"
#include "tools/federated/saved_run.h"

// Runs of the toy that are saved after every round.
namespace toy {

struct Outcome {
  std::string rounds;  // without times
  std::vector<nn::real> weights;
  std::string log;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.rounds == b.rounds && a.weights == b.weights;
  }
};

// Plays up to the given round like a program started for it, saving every round.
inline Outcome play(const std::filesystem::path& folder, const fl::Config& config, int last) {
  const data::ImageDataset dataset = toy::dataset();
  std::ostringstream log;
  federated::SavedRun saved(folder, true, log);
  fl::Server server(config, dataset);
  std::vector<fl::Round> rounds = saved.restore("toy", server);
  while (static_cast<int>(rounds.size()) < last) {
    rounds.push_back(server.play_round());
    saved.save("toy", rounds, server);
  }
  Outcome outcome{"", {server.weights().begin(), server.weights().end()}, log.str()};
  for (fl::Round& round : rounds) round.seconds = round.ideal_seconds = 0;
  outcome.rounds = federated::to_text(rounds);
  return outcome;
}

inline void flip_a_bit(const std::filesystem::path& path) {
  std::string content = nn::read_file(path);
  content[content.size() / 2] ^= 1;
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace toy
