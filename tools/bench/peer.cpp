#include "tools/bench/peer.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "nn/error.h"

namespace bench {

std::optional<Peer> Peer::start(const std::filesystem::path& script, int threads) {
  int jobs[2], answers[2];
  // Closed on exec: a later peer that held this one's end of input open would keep it from ending.
  nn::require(pipe2(jobs, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "peer: no pipe");
  const pid_t process = fork();
  nn::require(process >= 0, "peer: no process");
  if (process == 0) {
    dup2(jobs[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    if (!freopen("/dev/null", "w", stderr)) _exit(127);
    // Its best setting on a shared machine: threads that wait do not spin.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    execlp("python3", "python3", script.c_str(), "--keep-memory", "--threads",
           std::to_string(threads).c_str(), nullptr);
    _exit(127);
  }
  close(jobs[0]);
  close(answers[1]);
  Peer peer(process, fdopen(jobs[1], "w"), fdopen(answers[0], "r"));
  if (!peer.read_line(peer.name_)) return std::nullopt;
  return peer;
}

Peer::Peer(Peer&& other) noexcept
    : process_(other.process_),
      jobs_(std::exchange(other.jobs_, nullptr)),
      answers_(std::exchange(other.answers_, nullptr)),
      name_(std::move(other.name_)) {}

Peer::~Peer() {
  if (!jobs_) return;
  std::fclose(jobs_);  // it ends at the end of its input
  std::fclose(answers_);
  waitpid(process_, nullptr, 0);
}

bool Peer::read_line(std::string& line) {
  line.clear();
  for (int c; (c = std::fgetc(answers_)) != EOF && c != '\n';) line += static_cast<char>(c);
  return !line.empty();
}

double Peer::seconds(const std::string& job) {
  std::string answer;
  std::fprintf(jobs_, "%s\n", job.c_str());
  std::fflush(jobs_);
  nn::require(read_line(answer), "peer: ", name_, " failed at ", job);
  return std::stod(answer);
}

}  // namespace bench
