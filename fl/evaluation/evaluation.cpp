#include "fl/evaluation/evaluation.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "nn/base/error.h"

namespace fl {

void Predictions::append(const Predictions& more) {
  classes.insert(classes.end(), more.classes.begin(), more.classes.end());
  labels.insert(labels.end(), more.labels.begin(), more.labels.end());
  loss += more.loss;
}

double Evaluation::accuracy_of(int label) const {
  const std::span row = std::span(confusion).subspan(label * classes, classes);
  const int all = std::accumulate(row.begin(), row.end(), 0);
  return all ? 100.0 * row[label] / all : std::numeric_limits<double>::quiet_NaN();
}

double Evaluation::share_of(int label) const {
  int put = 0, all = 0;
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    all += confusion[i];
    if (static_cast<int>(i) % classes == label) put += confusion[i];
  }
  return 100.0 * put / all;
}

Evaluation evaluate(const Predictions& predictions, int classes) {
  const auto& [predicted, labels, loss] = predictions;
  nn::require(!labels.empty(), "evaluate: no labels");
  Evaluation result;
  result.classes = classes;
  result.confusion.resize(static_cast<std::size_t>(classes) * classes);
  int correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++result.confusion[labels[i] * classes + predicted[i]];
    correct += labels[i] == predicted[i];
  }
  result.accuracy = 100.0 * correct / static_cast<double>(labels.size());
  result.loss = loss / static_cast<double>(labels.size());
  return result;
}

std::map<std::string, double> class_measures(const Evaluation& evaluation) {
  const std::size_t width = std::to_string(evaluation.classes - 1).size();
  std::map<std::string, double> measures;
  for (int label = 0; label < evaluation.classes; ++label) {
    std::string digits = std::to_string(label);
    digits.insert(0, width - digits.size(), '0');
    if (const double accuracy = evaluation.accuracy_of(label); !std::isnan(accuracy))
      measures[nn::concat(class_prefix, digits)] = accuracy;
  }
  return measures;
}

}  // namespace fl
