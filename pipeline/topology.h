#pragma once

#include <vector>

namespace pipeline {

// `pipelines` replicas of the model, each cut into `stages`. Two pipelines of three stages:
//
//   stage         0   1   2
//   pipeline 0    0 - 1 - 2       ranks; activations go right, gradients go left
//                 |   |   |       down the columns, the stage groups, gradients are averaged
//   pipeline 1    3 - 4 - 5
struct Topology {
  int stages = 1, pipelines = 1;

  int ranks() const { return stages * pipelines; }
  int rank(int pipeline, int stage) const { return pipeline * stages + stage; }
  int stage(int rank) const { return rank % stages; }
  int pipeline(int rank) const { return rank / stages; }

  // The ranks with the same blocks of the model, one in each pipeline.
  std::vector<int> stage_group(int stage) const {
    std::vector<int> ranks;
    for (int p = 0; p < pipelines; ++p) ranks.push_back(rank(p, stage));
    return ranks;
  }
};

}  // namespace pipeline
