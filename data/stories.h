#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace data {

// At least `bytes` bytes of short stories in simple English, each followed by a line
// <|endoftext|>, as in TinyStories: something to train on where nothing can be downloaded. A small
// grammar makes them up, so that who, what and where stay the same through a story. The same seed
// gives the same bytes on every machine.
std::string write_stories(std::uint64_t seed, std::size_t bytes);

}  // namespace data
