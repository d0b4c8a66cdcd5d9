#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/text/characters.h"
#include "data/text/roles.h"

namespace data {

// Plays to learn characters from, a client a role, in windows of 80 characters (McMahan et al.
// 2017). The first 80 % of a role's text is for training. Up to 5 windows of the rest are for the
// test: roles count alike, and testing costs less than training. Roles of fewer than 2,000
// characters are left out. A window's group is its play's number.
class Plays {
 public:
  static constexpr int window = 80, test_windows = 5;
  static constexpr std::size_t shortest_role = 2000;

  std::vector<std::string> roles;  // "hamlet_gut.txt Ham" of each client
  CharacterWindows train{window}, test{window};

  void add(const std::string& play, std::span<const Role> roles_of_play);

 private:
  int plays_ = 0;
};

// How many plays data/fetch.sh brings, all in files named *.txt.
constexpr int shakespeare_plays = 37;
int count_plays(const std::filesystem::path& folder);

// All plays of a folder, by name, with <|endoftext|> between them.
std::string join_plays(const std::filesystem::path& folder);

// Reads all plays of a folder, by name. Throws nn::InputError if there is none, or no role that is
// long enough.
Plays read_plays(const std::filesystem::path& folder);

}  // namespace data
