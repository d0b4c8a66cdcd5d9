#pragma once

#include <sys/types.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

// Someone who does jobs when told to, in a process of its own that waits in between, so that two
// can take turns on a machine whose speed changes by the minute, and the memory of each be seen.
// The process reads a job's name a line, does it, and answers with its seconds; before the first it
// says who it is. It is started when first asked for something.
class Contestant {
 public:
  using Jobs = std::map<std::string, std::function<void()>>;

  // Our engine: `prepare` is called in the new process.
  static Contestant ours(std::function<Jobs()> prepare);
  // PyTorch: tools/bench/peers/SCRIPT.py THREADS [ARGUMENT].
  static Contestant peer(const std::string& script, int threads, const std::string& argument = "");

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
