#pragma once

#include <filesystem>

#include "data/images/images.h"

namespace data {

// A user's own images, in a folder with IDX files of MNIST's names, as images of any size, grey or
// of several channels (train-images-idx4-ubyte), or with CIFAR-10's binary files. Labels count from
// 0; the largest one says how many classes there are. Mean and standard deviation are those of the
// training images, of each channel. Throws nn::InputError.
ImageDataset load_own_images(const std::filesystem::path& folder);

}  // namespace data
