#pragma once

#include <filesystem>
#include <string>

#include "data/images.h"

namespace federated {

// Loads "mnist", "fashion" or "cifar10" from the folder, or, if that is empty, from data/raw of the
// project, where data/fetch.sh puts it first if it is missing; nothing fetches CIFAR-10. Throws
// nn::InputError.
data::ImageDataset open_dataset(const std::string& name, std::filesystem::path folder);

}  // namespace federated
