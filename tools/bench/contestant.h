#pragma once

#include <sys/types.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

// How PyTorch runs. Threads waiting for work spin, which is quick, or sleep, which frees the cores:
// which is better depends on the work and on the load of the machine.
struct PeerWay {
  int threads = 1;
  bool spins = false;
};
std::string to_text(const PeerWay& way);  // "2 threads that spin"

// Does jobs on request in a separate process, which is stopped in between: two contestants can take
// turns on a machine whose speed changes by the minute, and the memory of each is known. The
// process first prints its name; then it reads the name of a job per line, does it, and answers
// with the seconds it took. It starts with the first request.
class Contestant {
 public:
  using Jobs = std::map<std::string, std::function<void()>>;

  // Our engine; `prepare` runs in the new process.
  static Contestant ours(std::function<Jobs()> prepare);
  // PyTorch: tools/bench/peers/SCRIPT THREADS [ARGUMENT].
  static Contestant peer(const std::string& script, PeerWay way, const std::string& argument = "");

  Contestant(Contestant&& other) noexcept;
  ~Contestant();

  // The name that the process printed, and the time of a job. Both throw nn::Error if it fails.
  const std::string& greeting();
  double seconds(const std::string& job);

  double peak_memory();  // of the process so far, in bytes

 private:
  Contestant(std::string name, std::function<void()> body)
      : name_(std::move(name)), body_(std::move(body)) {}
  void start();
  std::string read_line(const std::string& task);

  std::string name_;  // for errors
  std::function<void()> body_;
  pid_t process_ = 0;
  std::FILE *jobs_ = nullptr, *answers_ = nullptr;
  std::string greeting_;
};

}  // namespace bench
