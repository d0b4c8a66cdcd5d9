#include "tools/training/history.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/split.h"
#include "tools/training/progress.h"

namespace training {

void History::after_step(int done, const Course& course) {
  if (done <= epoch_.done.value_or(course.first) || std::exchange(is_written_, true)) return;
  const bool is_new = !std::filesystem::exists(file_);
  const CFile file(std::fopen(file_.c_str(), "a"));
  if (!file) nn::throw_cannot_write(file_, std::strerror(errno));
  if (is_new) std::fputs("Epoch,First step,Seconds,Pipelines,Why\n", file.get());
  std::vector<std::string> pipelines;
  for (int pipeline : epoch_.pipelines(stages_)) pipelines.push_back(std::to_string(pipeline));
  std::fprintf(file.get(), "%d,%d,%.3f,%s,\"%s\"\n", epoch_.number, done, course.seconds,
               nn::join(pipelines, " ", " ").c_str(), epoch_.why.c_str());
  if (std::fflush(file.get()) != 0) nn::throw_cannot_write(file_, std::strerror(errno));
}

}  // namespace training
