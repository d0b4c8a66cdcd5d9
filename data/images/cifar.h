#pragma once

#include <filesystem>
#include <span>

#include "data/images/images.h"
#include "data/mapped_file.h"

// CIFAR-10 in its binary version (Krizhevsky 2009): files of records, each one byte for the label
// and 3 x 32 x 32 for the image, which has its red plane first.
namespace data {

// The images of all files, one file after the other, with the data set's mean and standard
// deviation of each channel. Throws nn::InputError, naming the file, if one is not a whole number
// of records, at least one, or has a label above 9.
ImageSet read_cifar10(std::span<const std::filesystem::path> files);

// Reads data_batch_1.bin to data_batch_5.bin and test_batch.bin, unpacked.
ImageDataset load_cifar10(const std::filesystem::path& folder);

// Appends the images of one file to a set, or throws and leaves the set as it is.
void add_cifar10(const NamedBytes& file, ImageSet& set);

// An empty set of CIFAR-10's shape.
ImageSet empty_cifar10();

}  // namespace data
