#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace data {

// A role of a play, and all that it says, in order. Each line ends in a line feed.
struct Role {
  std::string name;
  std::string text;
};

// The roles of a play in the layout of Project Gutenberg's editions, in order of appearance:
//
//   ACT I.
//
//   Fran.
//   Give you good-night.
//
//   [Exit.]
//
// A speech begins after an empty line with its speaker, alone on a line that ends in a full stop or
// has capitals only, and is right above what is said. Everything before the first act is skipped,
// and so are headings and stage directions. Parses untrusted text. Throws nn::InputError, naming
// line and column, for characters other than printable ASCII, and if there is no act or no speech.
std::vector<Role> parse_roles(std::string_view play, const std::string& name);

}  // namespace data
