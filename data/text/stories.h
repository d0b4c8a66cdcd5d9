#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace data {

// At least `bytes` bytes of short stories in simple English, each followed by a line
// <|endoftext|>, as in TinyStories: training text for machines without a network. A small grammar
// makes them up; characters, things and places stay the same within a story. The same seed gives
// the same bytes on every machine.
std::string write_stories(std::uint64_t seed, std::size_t bytes);

}  // namespace data
