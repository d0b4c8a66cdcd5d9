#include "tools/federated/process_pool.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <thread>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/federated/exclusions.h"
#include "tools/program/program.h"
#include "tools/program/shell.h"
#include "tools/program/signals.h"

namespace federated {

namespace {

pid_t start(const Task& task) {
  std::vector<std::string> command = tools::command_line();
  command.resize(1);
  command.insert(command.end(), task.arguments.begin(), task.arguments.end());
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t process = fork();
  nn::require(process >= 0, "sweep: no process can be started");
  if (process != 0) return process;
  tools::stop_with_parent(parent);
  const int log = open(task.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv("/proc/self/exe", words.data());
  _exit(127);
}

}  // namespace

std::vector<std::string> run_all(const std::vector<Task>& tasks, int jobs,
                                 const std::atomic<bool>& stop) {
  std::vector<std::string> failed;
  std::map<pid_t, const Task*> running;
  std::size_t next = 0, ended = 0;
  bool has_asked = false;
  while (!running.empty() || (next < tasks.size() && !stop)) {
    while (!stop && next < tasks.size() && static_cast<int>(running.size()) < jobs) {
      const Task& task = tasks[next++];
      running[start(task)] = &task;
    }
    if (stop && !std::exchange(has_asked, true))
      for (const auto& [process, task] : running) kill(process, SIGTERM);
    int status = 0;
    const pid_t process = waitpid(-1, &status, WNOHANG);
    const auto found = running.find(process);
    if (found == running.end()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    const Task& task = *found->second;
    running.erase(found);
    const bool has_diverged = WIFEXITED(status) && WEXITSTATUS(status) == diverged_status,
               is_success = has_diverged || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (is_success) nn::write_file_atomically(task.success_file, has_diverged ? "diverged\n" : "");
    if (!is_success && stop) continue;
    if (!is_success) failed.push_back(task.name);
    const char* const how = has_diverged ? " diverged: " : is_success ? ": " : " failed: ";
    std::cerr << "run " << ++ended << " of " << tasks.size() << how << task.name << '\n';
  }
  if (next < tasks.size() || (stop && ended < tasks.size())) {
    std::cerr << "stopped; the same command goes on\n";
    throw tools::Stopped{tools::stop_signal()};
  }
  return failed;
}

}  // namespace federated
