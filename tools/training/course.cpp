#include "tools/training/course.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/training/losses.h"
#include "tools/training/records.h"

namespace training {

void Course::set_out(int steps, const std::string& id) {
  run = id;
  on_run(run);
  if (std::exchange(is_under_way, true)) return;
  first = done = steps;
  verdict = {};
  rows.clear();
}

void Course::add(int step, std::optional<double> loss, pipeline::Gradients::Verdict made) {
  const auto now = std::chrono::steady_clock::now();
  seconds = std::chrono::duration<double>(now - last_.value_or(now)).count();
  last_ = now;
  done = step;
  verdict = made;
  if (loss) rows[step] = {*loss, made.norm};
  if (rows.size() > most_rows) rows.erase(rows.begin());
}

std::string Course::result() const {
  std::array<char, 128> text;
  std::snprintf(text.data(), text.size(), "%d %a %a", first, verdict.losses, verdict.norm);
  return text.data();
}

void Course::follow(int steps, const std::string& result) {
  const int count =
      std::sscanf(result.c_str(), "%d %la %la", &first, &verdict.losses, &verdict.norm);
  nn::require(count == 3, "\"", result, "\" is not the result of a step");
  done = steps;
  is_under_way = true;
}

std::string Course::losses(const std::filesystem::path& folder, bool has_norms) const {
  const std::filesystem::path file = folder / losses_file;
  std::string csv = std::filesystem::exists(file) ? rows_until(nn::read_file(file), done) : "";
  if (csv.empty()) csv = nn::concat(has_norms ? header_with_norms : losses_header, '\n');
  const std::size_t last = csv.rfind('\n', csv.size() - 2);
  int step = 0;
  double seconds = 0;
  long rate = 0;
  if (last != csv.npos)
    std::sscanf(csv.c_str() + last + 1, "%d,%*f,%lf,%ld", &step, &seconds, &rate);
  for (auto row = rows.upper_bound(step); row != rows.end() && row->first <= done; ++row) {
    std::array<char, 160> text;
    const auto& [loss, norm] = row->second;
    std::snprintf(text.data(), text.size(), "%d,%.9g,%.9g,%ld", row->first, loss, seconds, rate);
    csv += text.data();
    std::snprintf(text.data(), text.size(), ",%.9g", norm);
    csv += has_norms ? text.data() : "";
    csv += '\n';
  }
  return csv;
}

}  // namespace training
