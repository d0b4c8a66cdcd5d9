#pragma once

#include <filesystem>
#include <string>

#include "tools/training/progress.h"

namespace training {

// exp(loss), the number of equally likely tokens that are as hard to predict.
double perplexity_of(double loss);

// Writes validation.csv, one row for each evaluation of the held-out text.
class ValidationLog {
 public:
  // `earlier`: the content of the file so far, if the run is resumed.
  explicit ValidationLog(std::string earlier = "");

  // Creates the file, with the earlier rows. Like add(), throws nn::InputError if it cannot write.
  void open(const std::filesystem::path& file);
  void add(int step, double loss);  // steps count from 1

 private:
  CFile file_;
  std::filesystem::path path_;
  std::string earlier_;
};

}  // namespace training
