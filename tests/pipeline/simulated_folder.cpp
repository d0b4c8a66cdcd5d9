#include "tests/pipeline/simulated_folder.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "nn/base/error.h"

namespace pipeline {

using std::chrono::milliseconds;

class SimulatedPlace::Folder : public SharedFolder {
 public:
  Folder(SimulatedPlace& place, std::string name, int rank)
      : place_(place), name_(std::move(name)), rank_(rank) {}

  Clock::time_point now() const override { return place_.time_.now(); }
  void sleep(milliseconds duration) override { place_.network_.pause(rank_, duration); }
  std::shared_ptr<void> repeat(milliseconds interval, std::function<void()> call) override {
    const auto shared = std::make_shared<std::function<void()>>(std::move(call));
    repeat(place_, rank_, interval, shared);
    return shared;
  }

  std::filesystem::path path() const override { return name_; }
  void make() override {
    if (can_write()) place_.folders_[name_];
  }
  bool exists() const override { return files() != nullptr; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    if (const Files* const all = files())
      for (const auto& [name, text] : *all) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return files() && files()->contains(name); }
  std::string read(const std::string& name) const override {
    return has(name) ? files()->at(name) : "";
  }
  int write(const std::string& name, const std::string& text) override {
    if (!can_write()) return EIO;
    if (!files()) return ENOENT;
    place_.folders_[name_][name] = text;
    return 0;
  }
  int create(const std::string& name, const std::string& text) override {
    return has(name) ? EEXIST : write(name, text);
  }
  void remove(const std::string& name) override {
    if (can_write() && files()) place_.folders_[name_].erase(name);
  }
  void remove_all() override {
    if (can_write()) place_.folders_.erase(name_);
  }

 private:
  bool can_write() const {
    return place_.network_.sees_folders(rank_) && !place_.network_.has_crashed(rank_);
  }
  const Files* files() const {  // null: it cannot be seen
    const auto found = place_.folders_.find(name_);
    return found != place_.folders_.end() && place_.network_.sees_folders(rank_) ? &found->second
                                                                                 : nullptr;
  }
  static void repeat(SimulatedPlace& place, int rank, milliseconds interval,
                     const std::weak_ptr<std::function<void()>>& call) {
    const auto alive = call.lock();
    if (!alive) return;
    if (!place.network_.is_frozen(rank) && !place.network_.has_crashed(rank)) (*alive)();
    place.time_.after(interval,
                      [&place, rank, interval, call] { repeat(place, rank, interval, call); });
  }

  SimulatedPlace& place_;
  std::string name_;
  int rank_;
};

class SimulatedPlace::RankPorts : public Ports {
 public:
  RankPorts(SimulatedPlace& place, int rank)
      : place_(place), rank_(rank), own_(nn::concat("port ", place.ports_.size())) {
    place_.ports_[own_] = {rank};
  }
  ~RankPorts() override { place_.ports_[own_].is_open = false; }

  std::string own() const override { return own_; }
  void clear() const override {}
  std::vector<PortState> probe(const std::vector<std::string>& ports,
                               milliseconds patience) override {
    std::vector<PortState> answers;
    for (const std::string& port : ports) answers.push_back(place_.state_of(port, rank_));
    const bool all_answer = std::ranges::count(answers, PortState::silent) == 0;
    place_.network_.pause(rank_, all_answer ? milliseconds(1) : patience);
    return answers;
  }

 private:
  SimulatedPlace& place_;
  int rank_;
  std::string own_;
};

PortState SimulatedPlace::state_of(const std::string& port, int from) const {
  const auto [rank, is_open] = ports_.at(port);
  const bool is_cut = network_.is_cut(from, rank) || network_.is_cut(rank, from);
  if (is_cut || network_.has_vanished(rank)) return PortState::silent;
  return is_open ? PortState::open : PortState::closed;
}

std::unique_ptr<SharedFolder> SimulatedPlace::folder(const std::string& name, int rank) {
  return std::make_unique<Folder>(*this, name, rank);
}

std::unique_ptr<Ports> SimulatedPlace::ports(int rank) {
  return std::make_unique<RankPorts>(*this, rank);
}

}  // namespace pipeline
