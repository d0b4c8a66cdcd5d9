#pragma once

#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "tools/homework2/record.h"

namespace homework2 {

// The curves of an exercise that is under way, in a file of OUT/.unfinished. However the program
// ended, the same command goes on with them; curves of another build are not used. The file's name
// says all that the curves depend on: the exercise, the setting and the table.
class UnfinishedCurves {
 public:
  // Writes to `log` if there are curves to go on with, or a file that cannot be used.
  UnfinishedCurves(const std::filesystem::path& out, const Exercise& exercise,
                   const Setting& setting, const data::Table& table, std::ostream& log);

  // What ExerciseContext::keep promises. Throws nn::InputError if the file cannot be written.
  std::vector<Curve> keep(std::span<const std::string> names, const MakeCurves& make);

  const std::filesystem::path& file() const { return file_; }
  bool is_empty() const { return outcome_.curves.empty(); }

  // The results are now elsewhere.
  void remove();

 private:
  std::filesystem::path file_;
  Outcome outcome_;
};

}  // namespace homework2
