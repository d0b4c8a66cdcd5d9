#pragma once

#include <sys/types.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

// How PyTorch is run. Threads that wait for work may spin, which is quick, or sleep, which leaves
// the cores to others: which is better depends on the work and on what else a machine does.
struct PeerWay {
  int threads = 1;
  bool spins = false;
};
std::string to_text(const PeerWay& way);  // "2 threads that spin"

// Someone who does jobs when told to, in a process of its own that is stopped in between, so that
// two can take turns on a machine whose speed changes by the minute, and the memory of each be
// seen. The process reads a job's name a line, does it, and answers with its seconds; before the
// first it says who it is. It is started when first asked for something.
class Contestant {
 public:
  using Jobs = std::map<std::string, std::function<void()>>;

  // Our engine: `prepare` is called in the new process.
  static Contestant ours(std::function<Jobs()> prepare);
  // PyTorch: tools/bench/peers/SCRIPT THREADS [ARGUMENT].
  static Contestant peer(const std::string& script, PeerWay way, const std::string& argument = "");

  Contestant(Contestant&& other) noexcept;
  ~Contestant();

  // Both throw nn::Error if the process fails.
  const std::string& greeting();
  double seconds(const std::string& job);

  double peak_memory();  // of the process so far, in bytes

 private:
  Contestant(std::string name, std::function<void()> body) : name_(std::move(name)), body_(body) {}
  void start();
  std::string read_line(const std::string& task);

  std::string name_;  // for errors
  std::function<void()> body_;
  pid_t process_ = 0;
  std::FILE *jobs_ = nullptr, *answers_ = nullptr;
  std::string greeting_;
};

}  // namespace bench
