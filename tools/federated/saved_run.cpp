#include "tools/federated/saved_run.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/engine.h"
#include "tools/federated/results.h"

namespace federated {

namespace {

constexpr const char *weights_file = "weights.safetensors", *rounds_file = "rounds.txt",
                     *state_file = "state.safetensors", *clients_file = "clients.txt";

bool has(const nn::CheckpointFolder::Saved& saved, std::string_view name) {
  return std::ranges::count(saved.files, name, &nn::SavedFile::name) > 0;
}

// The index of the clients' files; empty if no client keeps anything.
std::string client_index(const nn::CheckpointFolder::Saved& saved) {
  return has(saved, clients_file) ? nn::read_file(saved.folder / clients_file) : "";
}

std::vector<fl::Round> rounds_of(const nn::CheckpointFolder::Saved& saved) {
  const std::filesystem::path file = saved.folder / rounds_file;
  try {
    std::vector<fl::Round> rounds = parse_rounds(nn::read_file(file));
    nn::require(!rounds.empty() && rounds.back().number == saved.step,
                "it does not end with round ", saved.step);
    return rounds;
  } catch (const nn::Error& error) {
    throw nn::InputError(nn::concat(file.string(), " is damaged: ", error.what()),
                         "remove the folder if nothing can be done about it");
  }
}

nn::Shape shape_of(std::span<const nn::real> values) {
  return {static_cast<nn::index>(values.size())};
}

// What the server's algorithm and its defence keep, under the names of their tensors. With a file,
// a defence's vectors are given their sizes in it first.
std::vector<fl::NamedState> server_state(fl::Server& server,
                                         const nn::SafetensorsFile* file = nullptr) {
  std::vector<fl::NamedState> state;
  for (const auto& [name, values] : server.algorithm().state())
    state.push_back({nn::concat("server.", name), values});
  for (const auto& [name, values] : server.aggregation().state()) {
    const std::string tensor = nn::concat("defence.", name);
    if (file && file->entries().contains(tensor))
      values.resize(file->entries().at(tensor).shape.size());
    state.push_back({tensor, values});
  }
  return state;
}

// All that the server keeps, where it is.
std::vector<nn::SavedTensor> state_of(fl::Server& server) {
  std::vector<nn::SavedTensor> tensors;
  for (const auto& [name, values] : server_state(server))
    tensors.push_back({name, shape_of(values), values});
  for (const auto& [version, values] : server.versions().all())
    tensors.push_back({nn::concat("version.", version), shape_of(values), values});
  return tensors;
}

// Fills what was saved; earlier versions of the program saved the clients' states there, too.
void load_state(const std::filesystem::path& path, fl::Server& server) {
  nn::SafetensorsFile file(path);
  std::vector<nn::LoadedTensor> tensors;
  for (const auto& [name, values] : server_state(server, &file))
    tensors.push_back({name, shape_of(values), values});
  struct Loaded {
    fl::ClientStates& states;
    int client;
    std::vector<nn::real> values;
  };
  std::vector<Loaded> loaded;
  for (const auto& [tensor, entry] : file.entries()) {
    const std::size_t size = entry.shape.size();
    if (const auto version = number_of(tensor, "version", std::numeric_limits<int>::max())) {
      std::vector<nn::real>& values = server.versions().all()[*version];
      values.resize(size);
      tensors.push_back({tensor, entry.shape, values});
    }
    for (const auto& [name, states] : server.states_of_clients())
      if (const auto client = number_of(tensor, name, server.clients())) {
        loaded.push_back({states, *client, std::vector<nn::real>(size)});
        tensors.push_back({tensor, entry.shape, loaded.back().values});
      }
  }
  nn::load_tensors(file, tensors);
  for (auto& [states, client, values] : loaded) states.keep(client, std::move(values));
}

}  // namespace

SavedRun::SavedRun(const std::filesystem::path& folder, bool may_resume, std::ostream& log)
    : path_(folder),
      lock_(folder, nn::FolderLock::short_patience),
      folder_(folder),
      clients_(folder / "clients"),
      may_resume_(may_resume),
      log_(log) {}

std::vector<fl::Round> SavedRun::restore(const std::string& run, fl::Server& server) {
  const auto warn = [this](const std::string& damage) { log_ << "warning: " << damage << '\n'; };
  std::vector<fl::Round> rounds;
  const auto saved = folder_.newest(warn, [&](const nn::CheckpointFolder::Saved& found) {
    rounds = rounds_of(found);
    clients_.check(client_index(found));
  });
  if (!saved) return {};
  if (!may_resume_)
    throw nn::InputError(nn::concat(path_.string(), " has a run up to round ", saved->step),
                         "go on with it by --resume, or choose another folder");
  const auto found = saved->state.find("run");
  if (found == saved->state.end() || found->second != run)
    throw nn::InputError(
        nn::concat(path_.string(), " has another run: ",
                   found == saved->state.end() ? "unknown" : found->second, ", not ", run),
        "resume it with the options that it was started with");
  for (const std::string& difference : nn::engine_differences(saved->state))
    log_ << "note: the run was saved with " << difference << ": the same but for rounding\n";
  nn::load_parameters(saved->folder / weights_file, server.model().parameters());
  const bool has_state = has(*saved, state_file);
  if (!has_state && !server_state(server).empty())
    throw nn::InputError(nn::concat(saved->folder.string(), " lacks ", state_file),
                         "remove the folder if nothing can be done about it");
  if (has_state) load_state(saved->folder / state_file, server);
  clients_.restore(client_index(*saved), server);
  server.resume(rounds.back());
  return rounds;
}

void SavedRun::save(const std::string& run, const std::vector<fl::Round>& rounds,
                    fl::Server& server) {
  const int step = rounds.back().number;
  const nn::SafetensorsContent weights(server.model().parameters());
  std::vector<nn::CheckpointFolder::File> files{folder_.write(step, weights_file, weights.parts()),
                                                folder_.write(step, rounds_file, to_text(rounds))};
  const std::vector<nn::SavedTensor> state_tensors = state_of(server);
  if (!state_tensors.empty())
    files.push_back(folder_.write(step, state_file, nn::SafetensorsContent(state_tensors).parts()));
  if (const std::string index = clients_.save(step, server); !index.empty())
    files.push_back(folder_.write(step, clients_file, index));
  nn::Metadata state = nn::describe_engine();
  state["run"] = run;
  folder_.complete(step, std::move(files), state);
  clients_.complete();
}

std::string to_text(const std::vector<fl::Round>& rounds) {
  std::ostringstream text;
  for (const fl::Round& round : rounds) {
    text << "round " << round.number << ' ' << number(round.accuracy) << ' ' << round.messages
         << ' ' << number(round.ideal_seconds) << ' ' << number(round.seconds) << ' '
         << round.chosen << '\n';
    for (const auto& [name, value] : round.measures)
      text << "measure " << number(value) << ' ' << name << '\n';
    if (!round.selected.empty()) text << "selected " << list_of(round.selected, " ") << '\n';
    for (const fl::Exclusion& out : round.excluded)
      text << "excluded " << out.client << ' ' << out.reason << '\n';
  }
  return text.str();
}

// Also nan, which streams do not read.
static double parse_double(const std::string& text) {
  double value = 0;
  const char* last = text.data() + text.size();
  nn::require(std::from_chars(text.data(), last, value).ptr == last, "\"", text,
              "\" is not a number");
  return value;
}

std::vector<fl::Round> parse_rounds(const std::string& text) {
  std::vector<fl::Round> rounds;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string kind;
    fields >> kind;
    if (kind == "round") {
      fl::Round& round = rounds.emplace_back();
      std::string accuracy;
      fields >> round.number >> accuracy >> round.messages >> round.ideal_seconds >>
          round.seconds >> round.chosen;
      round.accuracy = parse_double(accuracy);
    } else if (kind == "measure" && !rounds.empty()) {
      std::string value, name;
      std::getline(fields >> value >> std::ws, name);
      rounds.back().measures[name] = parse_double(value);
    } else if (kind == "selected" && !rounds.empty()) {
      for (int client; fields >> client;) rounds.back().selected.push_back(client);
      if (fields.eof()) fields.clear();
    } else {
      const bool is_known = kind == "excluded" || kind == "left_out";  // the word of old runs
      nn::require(is_known && !rounds.empty(), "\"", line, "\" is no round");
      fl::Exclusion& out = rounds.back().excluded.emplace_back();
      std::getline(fields >> out.client >> std::ws, out.reason);
    }
    nn::require(!fields.fail() && (fields >> std::ws).eof() &&
                    rounds.back().number == static_cast<int>(rounds.size()),
                "\"", line, "\" is no round, or not the next one");
  }
  return rounds;
}

}  // namespace federated
