#include "tools/training/history.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/split.h"
#include "tools/training/progress.h"

namespace training {

namespace {

constexpr const char* members_header = "Epoch,First step,Seconds,Pipelines,Why";

// Whether the last row is of this epoch, and of a step after `done`: an earlier start of the run
// numbers its epochs from 1, too.
bool has_row(const std::filesystem::path& file, int epoch, int done) {
  std::istringstream lines(nn::read_file(file));
  std::string last;
  for (std::string line; std::getline(lines, line);) last = line;
  int number = 0, step = 0;
  return std::sscanf(last.c_str(), "%d,%d,", &number, &step) == 2 && number == epoch && step > done;
}

}  // namespace

void History::after_step(int done, const Course& course) {
  const int before = epoch_.done.value_or(course.first);
  if (done <= before || std::exchange(is_written_, true)) return;
  const bool is_new = !std::filesystem::exists(file_);
  if (!is_new && has_row(file_, epoch_.number, before)) return;
  const CFile file(std::fopen(file_.c_str(), "a"));
  if (!file) nn::throw_cannot_write(file_, std::strerror(errno));
  if (is_new) std::fprintf(file.get(), "%s\n", members_header);
  std::vector<std::string> pipelines;
  for (int pipeline : epoch_.pipelines(stages_)) pipelines.push_back(std::to_string(pipeline));
  std::fprintf(file.get(), "%d,%d,%.3f,%s,\"%s\"\n", epoch_.number, done, course.seconds,
               nn::join(pipelines, " ", " ").c_str(), epoch_.why.c_str());
  if (std::fflush(file.get()) != 0) nn::throw_cannot_write(file_, std::strerror(errno));
}

std::map<int, std::vector<int>> read_history(const std::filesystem::path& file) {
  std::map<int, std::vector<int>> history;
  std::istringstream lines(nn::read_file(file));
  std::string line;
  const auto demand = [&](bool holds) {
    if (!holds)
      throw nn::InputError(
          nn::concat(file.string(), ": \"", line, "\" is not a row of a members.csv"),
          "an elastic run writes OUT/members.csv");
  };
  std::getline(lines, line);
  demand(line == members_header);
  while (std::getline(lines, line)) {
    const std::vector<std::string> cells = nn::split(line, ',');
    demand(cells.size() >= 5);
    int step = 0, pipeline = 0;
    demand(bool(std::istringstream(cells[1]) >> step) && step > 0);
    std::vector<int> pipelines;
    std::istringstream words(cells[3]);
    while (words >> pipeline) {
      demand(pipeline >= 0 && std::ranges::count(pipelines, pipeline) == 0);
      pipelines.push_back(pipeline);
    }
    demand(words.eof() && !pipelines.empty());
    history.erase(history.lower_bound(step), history.end());
    history[step] = std::move(pipelines);
  }
  demand(!history.empty());
  return history;
}

}  // namespace training
