#include "data/text/plays.h"

#include <algorithm>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_play = 20'000'000;  // bytes
constexpr std::size_t most_plays = 256;           // their numbers are groups

std::vector<fs::path> plays_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace

void Plays::add(const std::string& play, std::span<const Role> roles_of_play) {
  const auto group = static_cast<std::uint8_t>(plays_++);
  for (const Role& role : roles_of_play) {
    if (role.text.size() < shortest_role) continue;
    const std::size_t cut = role.text.size() * 4 / 5;
    const std::string_view text = role.text;
    roles.push_back(play + ' ' + role.name);
    train.add(text.substr(0, cut), group);
    test.add(text.substr(cut, window * test_windows + 1), group);
  }
}

int count_plays(const fs::path& folder) { return static_cast<int>(plays_in(folder).size()); }

std::string join_plays(const fs::path& folder) {
  std::string text;
  for (const fs::path& file : plays_in(folder)) {
    if (!text.empty()) text += "\n<|endoftext|>\n";
    text += nn::read_file(file, largest_play);
  }
  return text;
}

Plays read_plays(const fs::path& folder) {
  const std::vector<fs::path> files = plays_in(folder);
  constexpr const char* hint =
      "name a folder of plays, *.txt, or leave --data out: data/fetch.sh shakespeare brings 37";
  if (files.empty()) throw nn::InputError(folder.string() + " has no plays", hint);
  if (files.size() > most_plays)
    throw nn::InputError(nn::concat(folder.string(), " has more than ", most_plays, " plays"),
                         hint);
  Plays plays;
  for (const fs::path& file : files)
    plays.add(file.filename().string(),
              parse_roles(nn::read_file(file, largest_play), file.string()));
  if (plays.roles.empty())
    throw nn::InputError(
        nn::concat(folder.string(), ": no role has ", Plays::shortest_role, " characters"), hint);
  return plays;
}

}  // namespace data
