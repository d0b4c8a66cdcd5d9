#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nn/team.h"
#include "tools/report/document.h"

// Estimates by work and span (Brent 1974) how long a program would take on more cores than there
// are: one core runs its parts one after another and times them; on paper, each part goes in turn
// to the first core that is free. What is not divided into parts stays on one core. The costs of
// waking threads and of sharing memory and caches, which only real cores would show, do not count.
namespace bench {

inline constexpr int rehearsals = 3;  // the shortest of so many times counts

// What some work takes, in seconds.
struct CoreTime {
  int cores = 1;       // it is divided for so many
  double work = 0;     // of all parts together
  double span = 0;     // with as many cores as it can use
  double seconds = 0;  // with these cores

  CoreTime& operator+=(const CoreTime& other);
};

// A row for each; the first is one core, which the others are compared with.
report::Table to_table(const std::string& caption, std::span<const CoreTime> times);

// When each core is free again if each part goes in turn to the first core that is free. A part
// ends in steps, and each step is taken in the order of the parts, as in fl::Relay.
std::vector<double> free_after(std::span<const double> first,
                               std::span<const std::vector<double>> steps, int cores);

// When the last part ends, with such steps and without.
double makespan_in_order(std::span<const double> first, std::span<const std::vector<double>> steps,
                         int cores);
double makespan(std::span<const double> seconds, int cores);

double sum(std::span<const double> seconds);

// The shortest time of each part so far: other programs can only slow it down.
void keep_shortest(std::vector<double>& best, std::span<const double> seconds);

// Work that consists of loops of a team.
class Rehearsal {
 public:
  // name(): what the loop at work belongs to.
  explicit Rehearsal(int cores, std::function<std::string()> name = {});

  nn::Team& team() { return team_; }
  // Runs work(), which uses the team. Every run must have the same loops, in the same order.
  void run(const std::function<void()>& work);

  CoreTime time() const;
  std::map<std::string, CoreTime> time_by_name() const;

 private:
  // Of a loop, the shortest times of its parts; between loops, there is one part.
  struct Loop {
    std::string name;
    std::vector<double> parts;
  };
  void keep(std::span<const double> seconds);

  int cores_;
  std::function<std::string()> name_;
  nn::Team team_;
  std::vector<Loop> loops_;
  std::size_t next_ = 0;
  double last_end_ = 0;
};

}  // namespace bench
