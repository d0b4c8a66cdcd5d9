#pragma once

#include <vector>

namespace pipeline {

// The stages with the first and the last part of the model, which read the tokens and have the
// loss.
struct Ends {
  int first, last;
  bool operator==(const Ends&) const = default;
};

// Which stage holds each part of the model. The model is cut into stages * chunks parts, numbered
// in the order of its layers; a stage's chunks are its parts in ascending order, numbered from 0.
//
//   part                0 1 2 3 4 5 6 7
//   loop(4, 2), stage   0 1 2 3 0 1 2 3
//   v(4, 2), stage      0 1 2 3 3 2 1 0     the first stage has both ends of the model
class Placement {
 public:
  // Both throw std::invalid_argument unless there are one or more stages and chunks.
  static Placement loop(int stages, int chunks);
  static Placement v(int stages, int chunks);

  // Throws std::invalid_argument unless stages 0, 1, ... have equally many parts.
  explicit Placement(std::vector<int> stage_of_part);

  int stages() const { return static_cast<int>(parts_.size()); }
  int chunks() const { return parts() / stages(); }
  int parts() const { return static_cast<int>(stage_of_part_.size()); }

  int stage(int part) const { return stage_of_part_[part]; }
  int chunk(int part) const { return chunk_of_part_[part]; }
  int part(int stage, int chunk) const { return parts_[stage][chunk]; }

  Ends ends() const { return {first_stage(), last_stage()}; }
  int first_stage() const { return stage_of_part_.front(); }  // it reads the tokens
  int last_stage() const { return stage_of_part_.back(); }    // it has the loss

 private:
  std::vector<int> stage_of_part_, chunk_of_part_;
  std::vector<std::vector<int>> parts_;  // [stage][chunk]
};

}  // namespace pipeline
