#include "fl/clients/client_states.h"

#include <utility>

#include "nn/base/error.h"
#include "nn/files/safetensors.h"

namespace fl {

std::vector<nn::real> ClientStates::of(int client) const {
  if (const auto found = in_memory_.find(client); found != in_memory_.end()) return found->second;
  const auto found = on_disk_.find(client);
  if (found == on_disk_.end()) return {};
  const auto& [path, tensor] = found->second;
  nn::SafetensorsFile file(path);
  const auto entry = file.entries().find(tensor);
  nn::require(entry != file.entries().end(), path.string(), " has lost ", tensor);
  std::vector<nn::real> state(entry->second.shape.size());
  file.read(entry->second, state);
  return state;
}

void ClientStates::keep(int client, std::vector<nn::real> state) {
  forget_place(client);
  in_memory_[client] = std::move(state);
}

void ClientStates::leave_on_disk(int client, std::filesystem::path file, std::string tensor) {
  in_memory_.erase(client);
  forget_place(client);
  ++files_[file];
  on_disk_[client] = {std::move(file), std::move(tensor)};
}

void ClientStates::forget_place(int client) {
  const auto place = on_disk_.find(client);
  if (place == on_disk_.end()) return;
  const auto file = files_.find(place->second.file);
  if (--file->second == 0) files_.erase(file);
  on_disk_.erase(place);
}

}  // namespace fl
