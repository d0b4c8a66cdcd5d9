#pragma once

namespace pipeline {

// How much numbers vary, by how far each is from the one before: a slow drift hardly counts.
class Spread {
 public:
  void add(double number);
  double mean_difference() const;  // 0 for fewer than two numbers

 private:
  double last_ = 0, sum_ = 0;
  int count_ = 0;
};

// By how much the largest of `count` numbers exceeds their mean, as is to be expected if they are
// independent and normal, and if two of them differ by `mean_difference` in the mean.
double expected_excess(int count, double mean_difference);

}  // namespace pipeline
