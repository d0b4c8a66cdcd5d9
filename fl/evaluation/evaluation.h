#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fl {

// What a model makes of test examples.
struct Predictions {
  std::vector<int> classes;  // of each label
  std::vector<int> labels;
  double loss = 0;  // the sum over the labels

  void append(const Predictions& more);
};

// How well it does.
struct Evaluation {
  double accuracy = 0;         // percent of the labels
  double loss = 0;             // the mean over the labels
  std::vector<int> confusion;  // [classes, classes]: row true class, column predicted class
  int classes = 0;

  double accuracy_of(int label) const;  // percent; NaN without an example
  double share_of(int label) const;     // percent of all labels that are put into this class
};

// Throws nn::Error without a label.
Evaluation evaluate(const Predictions& predictions, int classes);

// What the names of the classes' columns begin with.
constexpr std::string_view class_prefix = "Class ";

// The accuracy of each class that has examples, by the names of the columns: "Class 7", or with
// more than ten classes "Class 07".
std::map<std::string, double> class_measures(const Evaluation& evaluation);

}  // namespace fl
