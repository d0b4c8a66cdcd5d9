#include "tools/bench/contestant.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "tools/project/fetch.h"

namespace bench {

namespace {

void serve(const Contestant::Jobs& jobs) {
  std::cout << "Tributary" << std::endl;
  for (std::string name; std::getline(std::cin, name);) {
    const auto job = jobs.find(name);
    nn::require(job != jobs.end(), "bench: there is no job ", name);
    std::cout << nn::seconds_of(job->second) << std::endl;
  }
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  _exit(127);
}

}  // namespace

std::string to_text(const PeerWay& way) {
  if (way.threads == 1) return "1 thread";
  return nn::concat(way.threads, way.spins ? " threads that spin" : " threads that sleep");
}

Contestant Contestant::ours(std::function<Jobs()> prepare) {
  return {"Tributary", [prepare = std::move(prepare)] { serve(prepare()); }};
}

Contestant Contestant::peer(const std::string& script, PeerWay way, const std::string& argument) {
  std::vector<std::string> command{"python3", project::folder() / "tools/bench/peers" / script,
                                   std::to_string(way.threads)};
  if (!argument.empty()) command.push_back(argument);
  return {nn::concat(script, " with ", to_text(way)), [command, way] {
            setenv("OMP_WAIT_POLICY", way.spins ? "active" : "passive", 1);
            setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
            if (!std::freopen("/dev/null", "w", stderr)) _exit(127);
            become(command);
          }};
}

Contestant::Contestant(Contestant&& other) noexcept
    : name_(std::move(other.name_)),
      body_(std::move(other.body_)),
      process_(std::exchange(other.process_, 0)),
      jobs_(std::exchange(other.jobs_, nullptr)),
      answers_(std::exchange(other.answers_, nullptr)),
      greeting_(std::move(other.greeting_)) {}

Contestant::~Contestant() {
  if (process_ == 0) return;
  kill(-process_, SIGCONT);
  std::fclose(jobs_);  // end of input: the process ends
  std::fclose(answers_);
  waitpid(process_, nullptr, 0);
}

void Contestant::start() {
  if (process_ != 0) return;
  int jobs[2], answers[2];
  nn::require(pipe2(jobs, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "bench: no pipe");
  std::cout.flush();
  process_ = fork();
  nn::require(process_ >= 0, "bench: no process");
  if (process_ == 0) {
    setpgid(0, 0);
    dup2(jobs[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    close_range(3, ~0u, 0);  // a copy of another contestant's input would keep that one alive
    try {
      body_();
    } catch (const std::exception& error) {
      std::cerr << "error: " << error.what() << '\n';
      _exit(1);
    }
    _exit(0);
  }
  setpgid(process_, process_);  // in both processes: either may run first
  close(jobs[0]);
  close(answers[1]);
  jobs_ = fdopen(jobs[1], "w");
  answers_ = fdopen(answers[0], "r");
  greeting_ = read_line("starting");
  kill(-process_, SIGSTOP);
}

std::string Contestant::read_line(const std::string& task) {
  std::string line;
  for (int c; (c = std::fgetc(answers_)) != EOF && c != '\n';) line += static_cast<char>(c);
  nn::require(!line.empty(), name_, " failed at ", task);
  return line;
}

const std::string& Contestant::greeting() {
  start();
  return greeting_;
}

double Contestant::seconds(const std::string& job) {
  start();
  kill(-process_, SIGCONT);
  std::fprintf(jobs_, "%s\n", job.c_str());
  std::fflush(jobs_);
  const double seconds = std::stod(read_line(job));
  kill(-process_, SIGSTOP);  // spinning threads would slow down the other side
  return seconds;
}

double Contestant::peak_memory() {
  start();
  std::ifstream status(nn::concat("/proc/", process_, "/status"));
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kibibytes = 0;
      status >> kibibytes;
      return 1024 * kibibytes;
    }
  throw nn::Error("bench: the system does not report the peak memory of a process");
}

}  // namespace bench
