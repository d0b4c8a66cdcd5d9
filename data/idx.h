#pragma once

#include <filesystem>

#include "data/images.h"
#include "data/mapped_file.h"

namespace data {

// A pair of unpacked IDX files with at least one grey image; throws nn::InputError if they are not
// that, or if a label is not below classes.
ImageSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                  int classes = 10);

// The same from files that are open, and from memory.
MappedFile open_idx(const std::filesystem::path& file);
ImageSet parse_idx(const NamedBytes& images, const NamedBytes& labels, int classes = 10);

}  // namespace data
