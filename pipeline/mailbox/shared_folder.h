#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pipeline {

// A folder through which the processes of a run find each other, as one of them sees it, and its
// clock. The interface between the rules of a meeting and the system: tests have one in virtual
// time.
class SharedFolder {
 public:
  using Clock = std::chrono::steady_clock;

  SharedFolder() = default;
  virtual ~SharedFolder() = default;
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;

  virtual Clock::time_point now() const = 0;
  virtual void sleep(std::chrono::milliseconds duration) = 0;
  // Calls it now and after each interval, beside the process's own thread, until the result goes.
  virtual std::shared_ptr<void> repeat(std::chrono::milliseconds interval,
                                       std::function<void()> call) = 0;

  virtual std::filesystem::path path() const = 0;  // for messages

  // Makes a folder that only this user can enter, unless it exists. This and exists() throw
  // nn::InputError for one that other users could enter or change.
  virtual void make() = 0;
  virtual bool exists() const = 0;

  // Files by their names. A reader sees all of a text or nothing of it. Not synced: what matters
  // after a loss of power is in the checkpoints.
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(const std::string& name) const = 0;
  virtual std::string read(const std::string& name) const = 0;  // empty: there is none
  // These return 0 or an errno. create() leaves a file that exists alone, and returns EEXIST: of
  // several processes that try, one succeeds.
  virtual int write(const std::string& name, const std::string& text) = 0;
  virtual int create(const std::string& name, const std::string& text) = 0;
  virtual void remove(const std::string& name) = 0;

  // For all processes at once, with its files.
  virtual void remove_all() = 0;

  // Removes the folder if it is deserted, and waits while another process does.
  void clear_away(const std::function<bool()>& is_deserted);
};

// A turn of a process that waits in a folder. It is awake for at most `longest`: beyond that it was
// suspended, and must not count the time as others' silence.
struct Turn {
  SharedFolder::Clock::duration whole, awake;
};
// The turn that began at `last`, which becomes now.
Turn end_turn(const SharedFolder& folder, SharedFolder::Clock::time_point& last,
              SharedFolder::Clock::duration longest);

// A folder of the file system, and the system's clock.
std::unique_ptr<SharedFolder> shared_folder(const std::filesystem::path& path);

}  // namespace pipeline
