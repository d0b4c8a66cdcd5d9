#include "data/text/roles.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <utility>

#include "data/text/characters.h"
#include "nn/base/error.h"
#include "nn/base/split.h"

namespace data {

namespace {

constexpr std::size_t longest_name = 31;
constexpr const char* layout =
    "a play has lines ACT I. and so on, and an empty line before each speaker's name";

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(' ');
  if (first == line.npos) return "";
  return line.substr(first, line.find_last_not_of(' ') - first + 1);
}

void require_printable(std::string_view line, int number, const std::string& name) {
  const auto bad = std::ranges::find_if_not(line, is_character);
  if (bad == line.end()) return;
  throw nn::InputError(
      nn::concat(name, ", line ", number, ", column ", bad - line.begin() + 1, ": byte 0x",
                 std::hex, std::uppercase, std::setw(2), std::setfill('0'),
                 static_cast<int>(static_cast<unsigned char>(*bad)), " is not printable ASCII"),
      "convert the file: iconv -t ASCII//TRANSLIT");
}

// The line without what is in brackets. `is_direction`: whether one is open, before and after.
std::string without_directions(std::string_view line, bool& is_direction) {
  std::string spoken;
  for (const char c : line) {
    if (c == '[') is_direction = true;
    if (!is_direction) spoken += c;
    if (c == ']') is_direction = false;
  }
  return spoken;
}

// Whether the line begins with the word, as a heading does.
bool begins(std::string_view line, std::string_view word) {
  return line.starts_with(word) && (line.size() == word.size() || !is_letter(line[word.size()]));
}
bool is_act(std::string_view line) { return begins(line, "ACT") || begins(line, "Act"); }
bool is_scene(std::string_view line) { return begins(line, "SCENE") || begins(line, "Scene"); }

// The speaker whose name the line is, or nothing.
std::string_view speaker_of(std::string_view line) {
  const bool has_stop = line.ends_with('.');
  if (has_stop) line.remove_suffix(1);
  if (line.empty() || line.size() > longest_name || !is_upper(line[0])) return "";
  const bool is_name = std::ranges::all_of(line, [&](char c) {
    return is_upper(c) || (has_stop && is_letter(c)) ||
           std::string_view(" ,'&-").find(c) != std::string_view::npos;
  });
  return is_name ? line : "";
}

}  // namespace

std::vector<Role> parse_roles(std::string_view play, const std::string& name) {
  std::vector<Role> roles;
  std::map<std::string, std::size_t, std::less<>> numbers;
  Role* speaker = nullptr;
  bool has_begun = false, is_after_empty = true, is_direction = false;
  const std::vector<std::string> lines = nn::split(play, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view raw = lines[i];
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    require_printable(raw, static_cast<int>(i) + 1, name);
    if (trimmed(raw).empty()) {
      is_after_empty = true;
      is_direction = false;  // some are never closed
      continue;
    }
    const std::string spoken = without_directions(raw, is_direction);
    const std::string_view line = trimmed(spoken);
    if (line.empty()) continue;
    const bool is_below_empty = std::exchange(is_after_empty, false);
    has_begun = has_begun || is_act(line);
    if (!has_begun) continue;
    if (is_below_empty && (is_act(line) || is_scene(line))) {
      speaker = nullptr;
      continue;
    }
    const bool has_text_below = i + 1 < lines.size() && !trimmed(lines[i + 1]).empty();
    const std::string_view who = is_below_empty && has_text_below ? speaker_of(line) : "";
    if (!who.empty()) {
      const auto [at, is_new] = numbers.try_emplace(std::string(who), roles.size());
      if (is_new) roles.push_back({std::string(who), ""});
      speaker = &roles[at->second];
    } else if (speaker) {
      speaker->text.append(line) += '\n';
    }
  }
  if (!has_begun) throw nn::InputError(name + ": there is no act", layout);
  std::erase_if(roles, [](const Role& role) { return role.text.empty(); });
  if (roles.empty()) throw nn::InputError(name + ": there is no speech", layout);
  return roles;
}

}  // namespace data
