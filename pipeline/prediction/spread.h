#pragma once

namespace pipeline {

// How much numbers vary, measured from each to the next, so that a slow drift hardly counts.
class Spread {
 public:
  void add(double number);
  double mean_difference() const;  // 0 for fewer than two numbers

 private:
  double last_ = 0, sum_ = 0;
  int count_ = 0;
};

// The standard deviation of independent normal numbers two of which differ by this on average.
double deviation_of(double mean_difference);

// How far the largest of `count` independent normal numbers is expected to exceed their mean, if
// two of them differ by `mean_difference` on average.
double expected_excess(int count, double mean_difference);

}  // namespace pipeline
