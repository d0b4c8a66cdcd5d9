#include "tools/federated/client_files.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <string_view>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/storage.h"
#include "nn/files/checkpoint.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

std::vector<nn::SavedFile> parse_index(const std::string& index) {
  std::vector<nn::SavedFile> files;
  std::istringstream lines(index);
  for (std::string line; std::getline(lines, line);) files.push_back(nn::parse_saved_file(line));
  return files;
}

// A file of a round, or what a crash has left of one that was being written.
bool is_ours(std::string_view name) {
  return name.starts_with("round-") || (name.starts_with(".round-") && name.ends_with(".part"));
}

bool is_in_use(const fs::path& file, fl::Server& server) {
  return std::ranges::any_of(server.states_of_clients(),
                             [&](const auto& kind) { return kind.states.has_states_in(file); });
}

}  // namespace

std::string ClientFiles::save(int round, fl::Server& server) {
  std::vector<nn::SavedTensor> tensors;
  for (const auto& [name, states] : server.states_of_clients())
    for (const auto& [client, values] : states.in_memory())
      tensors.push_back(
          {nn::concat(name, '.', client), {static_cast<nn::index>(values.size())}, values});
  if (!tensors.empty()) {
    const fs::path file = folder_ / nn::concat("round-", round, ".safetensors");
    nn::Disk disk;
    nn::on_disk(file, [&] {
      files_.push_back(
          nn::save_file(disk, folder_, file.filename(), nn::SafetensorsContent(tensors).parts()));
    });
    for (const auto& [name, states] : server.states_of_clients())
      while (!states.in_memory().empty()) {
        const int client = states.in_memory().begin()->first;
        states.leave_on_disk(client, file, nn::concat(name, '.', client));
      }
    std::erase_if(
        files_, [&](const nn::SavedFile& file) { return !is_in_use(folder_ / file.name, server); });
  }
  std::string index;
  for (const nn::SavedFile& file : files_) index += to_text(file) + '\n';
  return index;
}

void ClientFiles::complete() {
  std::set<std::string> needed;
  for (const auto* files : {&files_, &previous_})
    for (const nn::SavedFile& file : *files) needed.insert(file.name);
  previous_ = files_;
  std::vector<fs::path> surplus;
  std::error_code no_folder;
  for (const auto& entry : fs::directory_iterator(folder_, no_folder)) {
    const std::string name = entry.path().filename();
    if (entry.is_regular_file() && is_ours(name) && !needed.contains(name))
      surplus.push_back(entry.path());
  }
  nn::Disk disk;
  for (const fs::path& file : surplus) nn::on_disk(file, [&] { disk.remove(file); });
}

void ClientFiles::check(const std::string& index) const {
  for (const nn::SavedFile& file : parse_index(index)) nn::verify(folder_, file);
}

void ClientFiles::restore(const std::string& index, fl::Server& server) {
  files_ = previous_ = parse_index(index);
  for (const nn::SavedFile& saved : files_) {
    const nn::SafetensorsFile file(folder_ / saved.name);
    for (const auto& [tensor, entry] : file.entries()) {
      bool is_known = false;
      for (const auto& [name, states] : server.states_of_clients())
        if (const auto client = number_of(tensor, name, server.clients())) {
          states.leave_on_disk(*client, folder_ / saved.name, tensor);
          is_known = true;
        }
      if (!is_known)
        throw nn::InputError(nn::concat(file.name(), " has ", tensor, ", which is no client's"),
                             "remove the folder if nothing can be done about it");
    }
  }
}

std::optional<int> number_of(const std::string& tensor, std::string_view name, int end) {
  const std::string prefix = nn::concat(name, '.');
  if (!tensor.starts_with(prefix)) return {};
  int number = -1;
  std::from_chars(tensor.data() + prefix.size(), tensor.data() + tensor.size(), number);
  const bool is_one = number >= 0 && number < end && tensor == nn::concat(prefix, number);
  return is_one ? std::optional(number) : std::nullopt;
}

}  // namespace federated
