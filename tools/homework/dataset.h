#pragma once

#include <filesystem>
#include <string>

#include "data/images.h"

namespace homework {

// Loads "mnist" or "fashion" from the folder, or, if that is empty, from data/raw of the project,
// where data/fetch.sh puts it first if it is missing. Throws nn::InputError.
data::ImageDataset open_dataset(const std::string& name, std::filesystem::path folder);

}  // namespace homework
