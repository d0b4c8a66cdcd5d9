#pragma once

#include <filesystem>

#include "data/images.h"

namespace data {

// True if the folder has the four files of MNIST (or Fashion-MNIST, which names them alike).
bool dataset_is_present(const std::filesystem::path& folder);

// The data sets as they were published, to the last bit; throws nn::InputError otherwise.
ImageDataset load_mnist(const std::filesystem::path& folder);
ImageDataset load_fashion_mnist(const std::filesystem::path& folder);

}  // namespace data
