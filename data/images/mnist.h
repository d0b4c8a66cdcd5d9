#pragma once

#include <filesystem>

#include "data/images/images.h"

namespace data {

// Whether the folder has the four files of MNIST, or those of Fashion-MNIST, which have equal
// names.
bool dataset_is_present(const std::filesystem::path& folder);

// The data sets exactly as published. Throws nn::InputError if a file differs.
ImageDataset load_mnist(const std::filesystem::path& folder);
ImageDataset load_fashion_mnist(const std::filesystem::path& folder);

}  // namespace data
