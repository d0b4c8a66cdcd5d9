#include "tools/training/history.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/number.h"
#include "nn/base/printable.h"
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
  return parse_history(nn::read_file(file), file.string());
}

std::map<int, std::vector<int>> parse_history(const std::string& text, const std::string& name) {
  std::map<int, std::vector<int>> history;
  std::istringstream lines(text);
  std::string line;
  const auto demand = [&](bool holds) {
    if (!holds)
      throw nn::InputError(
          nn::concat(name, ": \"", nn::printable(line, 80), "\" is not a row of a members.csv"),
          "an elastic run writes OUT/members.csv");
  };
  std::getline(lines, line);
  demand(line == members_header);
  while (std::getline(lines, line)) {
    const std::vector<std::string> cells = nn::split(line, ',');
    demand(cells.size() >= 5);
    const int step = nn::parse_number<int>(cells[1]).value_or(0);
    demand(step > 0);
    std::vector<int> pipelines;
    std::set<int> known;
    for (const std::string& word : nn::split(cells[3], ' ')) {
      pipelines.push_back(nn::parse_number<int>(word).value_or(-1));
      demand(pipelines.back() >= 0 && known.insert(pipelines.back()).second);
    }
    history.erase(history.lower_bound(step), history.end());
    history[step] = std::move(pipelines);
  }
  demand(!history.empty());
  return history;
}

}  // namespace training
