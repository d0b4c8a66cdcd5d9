#include "pipeline/mailbox/shared_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <random>
#include <sstream>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include "nn/base/error.h"
#include "pipeline/mailbox/trusted_path.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds longest_clearing{1000}, pause_of_clearing{10};
constexpr const char* claim = "deserted";  // made by the process that removes the folder

class FolderOnDisk : public SharedFolder {
 public:
  explicit FolderOnDisk(fs::path path) : path_(std::move(path)) {
    std::random_device random;
    draft_ = nn::concat('-', std::hex, random(), random());
  }

  Clock::time_point now() const override { return Clock::now(); }
  void sleep(milliseconds duration) override { std::this_thread::sleep_for(duration); }
  std::shared_ptr<void> repeat(milliseconds interval, std::function<void()> call) override {
    const auto work = [interval, call = std::move(call)](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any stopped;
      for (std::unique_lock lock(mutex); !stop.stop_requested();) {
        call();
        stopped.wait_for(lock, stop, interval, [] { return false; });
      }
    };
    return std::make_shared<std::jthread>(work);
  }

  fs::path path() const override { return path_; }

  void make() override {
    make_private_folder(path_);
    trusted_private(path_);
  }
  bool exists() const override {
    std::error_code ignored;
    if (!fs::exists(path_, ignored)) return false;
    try {
      trusted_private(path_);
    } catch (const nn::InputError&) {
      if (fs::exists(path_, ignored)) throw;
      return false;  // another process has just cleared it away
    }
    return true;
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(path_, ignored))
      names.push_back(entry.path().filename().string());
    return names;
  }
  bool has(const std::string& name) const override {
    std::error_code ignored;
    return fs::exists(path_ / name, ignored);
  }
  std::string read(const std::string& name) const override {
    std::ifstream in(path_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  int write(const std::string& name, const std::string& text) override {
    return publish(name, text, ::rename);
  }
  int create(const std::string& name, const std::string& text) override {
    return publish(name, text, ::link);
  }
  void remove(const std::string& name) override {
    std::error_code ignored;
    fs::remove(path_ / name, ignored);
  }

  // Renamed at once: another process may be about to come.
  void remove_all() override {
    const fs::path old = path_.string() + ".ended" + draft_;
    std::error_code ignored;
    fs::rename(path_, old, ignored);
    fs::remove_all(old, ignored);
  }

 private:
  // Returns 0 or the number of an error, which some file systems report only at close (NFS,
  // quotas). The file's mode does not matter, as the folder is private.
  static int write_whole(const fs::path& file, const std::string& text) {
    errno = 0;
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (out) return 0;
    return errno != 0 ? errno : EIO;
  }
  // No other process sees a part of the text: `give_name` renames or links a finished draft.
  int publish(const std::string& name, const std::string& text,
              int (*give_name)(const char*, const char*)) {
    const fs::path draft = path_ / ('.' + name + draft_), file = path_ / name;
    int error = write_whole(draft, text);
    if (error == 0 && give_name(draft.c_str(), file.c_str()) != 0) error = errno;
    ::unlink(draft.c_str());
    return error;
  }

  fs::path path_;
  std::string draft_;  // ends the names of files that this process is writing
};

}  // namespace

void SharedFolder::clear_away(const std::function<bool()>& is_deserted) {
  if (!is_deserted()) return;
  if (create(claim, "") != 0) {
    const auto give_up = now() + longest_clearing;
    while (has(claim) && now() < give_up) sleep(pause_of_clearing);
    return;
  }
  // By now it may be the next run's folder.
  if (is_deserted())
    remove_all();
  else
    remove(claim);
}

Turn end_turn(const SharedFolder& folder, SharedFolder::Clock::time_point& last,
              SharedFolder::Clock::duration longest) {
  const auto whole = folder.now() - last;
  last += whole;
  return {whole, std::min(whole, longest)};
}

std::unique_ptr<SharedFolder> shared_folder(const fs::path& path) {
  return std::make_unique<FolderOnDisk>(path);
}

}  // namespace pipeline
