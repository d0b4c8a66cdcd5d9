#include "tools/bench/span.h"

#include <algorithm>
#include <numeric>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "tools/report/axis.h"

namespace bench {

CoreTime& CoreTime::operator+=(const CoreTime& other) {
  work += other.work;
  span += other.span;
  seconds += other.seconds;
  return *this;
}

report::Table to_table(const std::string& caption, std::span<const CoreTime> times) {
  report::Table table{
      caption, {"Cores", "Work, ms", "Span, ms", "Time, ms", "Times as fast as one"}, {}};
  const auto ms = [](double seconds) { return report::fixed(1e3 * seconds, 0); };
  for (const CoreTime& t : times)
    table.rows.push_back({std::to_string(t.cores), ms(t.work), ms(t.span), ms(t.seconds),
                          report::fixed(times.front().seconds / t.seconds, 1)});
  return table;
}

std::vector<double> free_after(std::span<const double> first,
                               std::span<const std::vector<double>> steps, int cores) {
  nn::require(cores > 0 && first.size() == steps.size(), "span: no cores, or halves that differ");
  std::vector<double> free(cores), turns;  // when each step is free for the next part
  for (std::size_t i = 0; i < first.size(); ++i) {
    double& core = *std::ranges::min_element(free);
    core += first[i];
    turns.resize(std::max(turns.size(), steps[i].size()));
    for (std::size_t step = 0; step < steps[i].size(); ++step)
      core = turns[step] = std::max(core, turns[step]) + steps[i][step];
  }
  return free;
}

double makespan_in_order(std::span<const double> first, std::span<const std::vector<double>> steps,
                         int cores) {
  return std::ranges::max(free_after(first, steps, cores));
}

double makespan(std::span<const double> seconds, int cores) {
  const std::vector<std::vector<double>> nothing(seconds.size());
  return makespan_in_order(seconds, nothing, cores);
}

double sum(std::span<const double> seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

void keep_shortest(std::vector<double>& best, std::span<const double> seconds) {
  if (best.empty()) best.assign(seconds.begin(), seconds.end());
  nn::require(best.size() == seconds.size(), "span: ", best.size(), " parts, then ",
              seconds.size());
  for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], seconds[i]);
}

Rehearsal::Rehearsal(int cores, std::function<std::string()> name)
    : cores_(cores),
      name_(std::move(name)),
      team_(cores, nn::thread_seconds, [this](std::span<const double> seconds) {
        const double before = nn::thread_seconds() - last_end_ - sum(seconds);
        keep({&before, 1});
        keep(seconds);
        last_end_ = nn::thread_seconds();
      }) {}

void Rehearsal::run(const std::function<void()>& work) {
  next_ = 0;
  last_end_ = nn::thread_seconds();
  work();
  const double after = nn::thread_seconds() - last_end_;
  keep({&after, 1});
}

void Rehearsal::keep(std::span<const double> seconds) {
  if (next_ == loops_.size()) loops_.push_back({name_ ? name_() : "", {}});
  keep_shortest(loops_[next_++].parts, seconds);
}

CoreTime Rehearsal::time() const {
  CoreTime sum{cores_};
  for (const auto& [name, time] : time_by_name()) sum += time;
  return sum;
}

std::map<std::string, CoreTime> Rehearsal::time_by_name() const {
  std::map<std::string, CoreTime> times;
  for (const auto& [name, parts] : loops_)
    times.try_emplace(name, CoreTime{cores_}).first->second +=
        {cores_, sum(parts), std::ranges::max(parts), makespan(parts, cores_)};
  return times;
}

}  // namespace bench
