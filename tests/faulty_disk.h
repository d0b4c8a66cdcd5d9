#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "nn/storage.h"

// A disk on which one operation goes wrong, and a folder of which it knows at any moment what would
// be left of it after a loss of power: what was synced, and any part of what was not. (The method
// of LevelDB's fault_injection_test, and of SQLite's tests.)
class FaultyDisk : public nn::Storage {
  using path = std::filesystem::path;

 public:
  enum class Fault { error, half_written, power };  // `power`: all later operations fail, too

  // Operations count from 0. The folder must be empty.
  FaultyDisk(path folder, int faulty_operation, Fault fault)
      : root_(std::move(folder)), faulty_operation_(faulty_operation), fault_(fault) {}

  bool has_failed() const { return operations_ > faulty_operation_; }

  void create_folder(const path& folder) override {
    if (folder == root_ || names_.contains(folder)) return;
    create_folder(folder.parent_path());
    before_operation(folder);
    std::filesystem::create_directory(folder);
    change(folder, folder, std::make_shared<Node>(Node{.is_folder = true}));
  }
  void write(const path& file, nn::FileParts content) override {
    std::string text;
    for (std::string_view part : content) text += part;
    const bool fails_now = operations_ == faulty_operation_;
    if (fails_now && fault_ == Fault::half_written) put(file, text.substr(0, text.size() / 2));
    before_operation(file);
    put(file, text);
  }
  void sync(const path& path) override {
    before_operation(path);
    if (names_.contains(path) && !names_[path]->is_folder) {
      names_[path]->durable = names_[path]->content;
      return;
    }
    std::erase_if(unsynced_, [&](const Change& change) {
      if (change.folder != path) return false;
      change.apply(durable_names_);
      return true;
    });
  }
  void rename(const path& from, const path& to) override {
    before_operation(from);
    std::filesystem::rename(from, to);
    change(from, to, names_.at(from));
  }
  void remove(const path& path) override {
    if (!names_.contains(path)) return;
    before_operation(path);
    std::filesystem::remove(path);
    change(path, path, nullptr);
  }

  // Puts into the folder what is left after a loss of power: of unsynced changes none, all, or
  // some.
  enum class Survival { none, all, some };
  void lose_power(Survival survival, std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto survives = [&] {
      return survival == Survival::all || (survival == Survival::some && random() % 2 == 0);
    };
    for (const Change& change : unsynced_)
      if (survives()) change.apply(durable_names_);
    for (const auto& entry : std::filesystem::directory_iterator(root_))
      std::filesystem::remove_all(entry);
    for (const auto& [name, node] : durable_names_) {  // folders come before what is in them
      if (!std::filesystem::exists(name.parent_path())) continue;
      if (node->is_folder) {
        std::filesystem::create_directory(name);
        continue;
      }
      std::string content = survives() ? node->content : node->durable;
      if (content != node->durable && survival == Survival::some)
        std::fill(content.begin() + random() % content.size(), content.end(), '\0');
      std::ofstream(name, std::ios::binary) << content;
    }
  }

 private:
  struct Node {
    std::string content = {}, durable = {};
    bool is_folder = false;
  };
  using Names = std::map<path, std::shared_ptr<Node>>;
  struct Change {  // of a name in a folder; without node it goes
    path folder, from, to;
    std::shared_ptr<Node> node;
    void apply(Names& names) const {
      names.erase(from);
      if (node) names[to] = node;
    }
  };

  void before_operation(const path& path) {
    const bool fails = fault_ == Fault::power ? operations_ >= faulty_operation_
                                              : operations_ == faulty_operation_;
    ++operations_;
    if (fails)
      throw std::filesystem::filesystem_error("fault", path,
                                              std::make_error_code(std::errc::no_space_on_device));
  }
  void change(const path& from, const path& to, std::shared_ptr<Node> node) {
    unsynced_.push_back({to.parent_path(), from, to, std::move(node)});
    unsynced_.back().apply(names_);
  }
  void put(const path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
    if (!names_.contains(file)) change(file, file, std::make_shared<Node>());
    names_[file]->content = content;
  }

  path root_;
  int operations_ = 0, faulty_operation_;
  Fault fault_;
  Names names_, durable_names_;
  std::vector<Change> unsynced_;
};
