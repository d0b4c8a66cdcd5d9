#pragma once

#include <climits>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "nn/base/file.h"
#include "nn/base/storage.h"

// A disk with one operation that goes wrong. It also knows what a loss of power would leave of a
// folder at any moment: what was synced, and any part of what was not. (The method of LevelDB's
// fault_injection_test and of SQLite's tests.)
class FaultyDisk : public nn::Storage {
  using path = std::filesystem::path;

 public:
  enum class Fault { error, half_written, power };  // after `power` every operation fails

  // Operations count from 0. What the folder has already is safe.
  explicit FaultyDisk(path folder, int faulty_operation = INT_MAX, Fault fault = Fault::error)
      : root_(std::move(folder)), faulty_operation_(faulty_operation), fault_(fault) {
    find_files(root_, *tree_);
  }

  bool has_failed() const { return operations_ > faulty_operation_; }

  void create_folder(const path& folder) override {
    if (find(folder)) return;
    create_folder(folder.parent_path());
    before_operation(folder);
    std::filesystem::create_directory(folder);
    change({{folder, std::make_shared<Node>(Node{.is_folder = true})}});
  }
  void write(const path& file, nn::FileParts content) override {
    std::string text;
    for (std::string_view part : content) text += part;
    before_content(file, text);
    put(file, text);
  }
  void append(const path& file, std::string_view content) override {
    const std::string before = find(file)->content;
    before_content(file, before + std::string(content));
    put(file, before + std::string(content));
  }
  void sync(const path& path) override {
    before_operation(path);
    const auto node = find(path);
    node->durable = node->content;
    std::erase_if(unsynced_, [&](const Change& change) {
      if (!change.is_in(node)) return false;
      change.apply(&Node::durable_entries);
      return true;
    });
  }
  void rename(const path& from, const path& to) override {
    before_operation(from);
    std::filesystem::rename(from, to);
    change({{from, nullptr}, {to, find(from)}});
  }
  void exchange(const path& a, const path& b) override {
    before_operation(a);
    nn::Disk().exchange(a, b);
    change({{a, find(b)}, {b, find(a)}});
  }
  void remove(const path& path) override {
    if (!find(path)) return;
    before_operation(path);
    std::filesystem::remove(path);
    change({{path, nullptr}});
  }

  // Reduces the folder to what a loss of power leaves: none, all or some of the unsynced changes.
  enum class Survival { none, all, some };
  void lose_power(Survival survival, std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto survives = [&] {
      return survival == Survival::all || (survival == Survival::some && random() % 2 == 0);
    };
    for (const Change& change : unsynced_)
      if (survives()) change.apply(&Node::durable_entries);
    for (const auto& entry : std::filesystem::directory_iterator(root_))
      std::filesystem::remove_all(entry);
    const std::function<void(const path&, const Node&)> restore = [&](const path& at,
                                                                      const Node& folder) {
      for (const auto& [name, node] : folder.durable_entries) {
        if (node->is_folder) {
          std::filesystem::create_directory(at / name);
          restore(at / name, *node);
          continue;
        }
        std::string content = survives() ? node->content : node->durable;
        if (content != node->durable && survival == Survival::some)
          std::fill(content.begin() + random() % content.size(), content.end(), '\0');
        std::ofstream(at / name, std::ios::binary) << content;
      }
    };
    restore(root_, *tree_);
  }

 private:
  struct Node;
  using Entries = std::map<std::string, std::shared_ptr<Node>>;
  struct Node {
    std::string content = {}, durable = {};
    Entries entries = {}, durable_entries = {};
    bool is_folder = false;
  };
  // Names that appear and disappear together.
  struct Change {
    struct Entry {
      std::shared_ptr<Node> folder;
      std::string name;
      std::shared_ptr<Node> node;  // none: the name goes
    };
    std::vector<Entry> entries;

    bool is_in(const std::shared_ptr<Node>& folder) const {
      for (const Entry& entry : entries)
        if (entry.folder == folder) return true;
      return false;
    }
    void apply(Entries Node::*which) const {
      for (const auto& [folder, name, node] : entries)
        if (node)
          ((*folder).*which)[name] = node;
        else
          ((*folder).*which).erase(name);
    }
  };

  static void find_files(const path& folder, Node& node) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const auto found = std::make_shared<Node>(Node{.is_folder = entry.is_directory()});
      if (found->is_folder)
        find_files(entry, *found);
      else
        found->content = found->durable = nn::read_file(entry);
      const std::string name = entry.path().filename().string();
      node.entries[name] = node.durable_entries[name] = found;
    }
  }

  std::shared_ptr<Node> find(const path& path) const {
    if (path == root_ || path.native().size() < root_.native().size()) return tree_;
    const auto folder = find(path.parent_path());
    if (!folder) return nullptr;
    const auto found = folder->entries.find(path.filename().string());
    return found == folder->entries.end() ? nullptr : found->second;
  }

  void before_operation(const path& path) {
    const bool fails = fault_ == Fault::power ? operations_ >= faulty_operation_
                                              : operations_ == faulty_operation_;
    ++operations_;
    if (fails)
      throw std::filesystem::filesystem_error("fault", path,
                                              std::make_error_code(std::errc::no_space_on_device));
  }
  void before_content(const path& file, const std::string& text) {
    const bool fails_now = operations_ == faulty_operation_;
    if (fails_now && fault_ == Fault::half_written) put(file, text.substr(0, text.size() / 2));
    before_operation(file);
  }
  void change(const std::vector<std::pair<path, std::shared_ptr<Node>>>& names) {
    Change change;
    for (const auto& [name, node] : names)
      change.entries.push_back({find(name.parent_path()), name.filename().string(), node});
    change.apply(&Node::entries);
    unsynced_.push_back(std::move(change));
  }
  void put(const path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
    if (!find(file)) change({{file, std::make_shared<Node>()}});
    find(file)->content = content;
  }

  path root_;
  int operations_ = 0, faulty_operation_;
  Fault fault_;
  std::shared_ptr<Node> tree_ = std::make_shared<Node>(Node{.is_folder = true});
  std::vector<Change> unsynced_;
};
