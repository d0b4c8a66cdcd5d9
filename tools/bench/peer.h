#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace bench {

// The same work in PyTorch: a process of tools/bench_pytorch.py that runs one job at a time when
// told to, so that both sides can take turns on a machine whose speed changes by the minute.
class Peer {
 public:
  // Nothing if python3 cannot import torch.
  static std::optional<Peer> start(const std::filesystem::path& script, int threads);
  Peer(Peer&& other) noexcept;
  ~Peer();

  const std::string& name() const { return name_; }  // version and threads
  double seconds(const std::string& job);            // throws nn::Error if the process fails

 private:
  Peer(pid_t process, FILE* jobs, FILE* answers)
      : process_(process), jobs_(jobs), answers_(answers) {}
  bool read_line(std::string& line);

  pid_t process_;
  FILE *jobs_, *answers_;
  std::string name_;
};

}  // namespace bench
