#pragma once

#include <filesystem>

#include "data/images/images.h"
#include "data/mapped_file.h"

namespace data {

// Reads a pair of unpacked IDX files with at least one image: [n, height, width], grey, or
// [n, channels, height, width]. Throws nn::InputError if they are anything else, or if a label is
// not below `classes`.
ImageSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                  int classes = 10);

// The same in two steps: open each file, then read the pair from memory.
MappedFile open_idx(const std::filesystem::path& file);
ImageSet parse_idx(const NamedBytes& images, const NamedBytes& labels, int classes = 10);

}  // namespace data
