#pragma once

#include <map>
#include <string>

namespace report {

// The values of a step, by name.
using Scalars = std::map<std::string, double>;

// The content of a TensorBoard event file: TFRecords of tensorflow.Event messages, one with the
// file's version and then one for each step, in order. Times are `start`, in seconds since 1970,
// plus those of the steps.
class EventFile {
 public:
  explicit EventFile(double start);
  void add(int step, double seconds, const Scalars& scalars);
  const std::string& content() const { return content_; }

 private:
  void add_record(const std::string& event);

  double start_;
  std::string content_;
};

}  // namespace report
