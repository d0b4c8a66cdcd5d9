#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "data/images/images.h"
#include "data/tables/table.h"

namespace federated {

// What models see of a pixel: numbers with mean 0 and standard deviation 1, or from 0 to 1.
enum class Pixels { standard, unit };

// What to learn.
struct DataChoice {
  std::string name = "mnist";  // in the table below
  std::filesystem::path from;  // the folder, or the file of a table; empty: data/raw/NAME
  data::TableFormat format;    // of a table
  Pixels pixels = Pixels::standard;
};

// A data set in memory.
struct Dataset {
  std::string name;
  std::shared_ptr<const data::Examples> train, test;
  std::string description = {};  // of a user's own images: one line

  data::Task task() const { return {name, *train, *test}; }
};

// The data sets that programs offer by name.
struct DatasetEntry {
  std::string_view name;
  std::string_view description;
  Dataset (*open)(const DataChoice& choice);
};
std::span<const DatasetEntry> dataset_table();

// Loads a data set by its name, or the images of a folder that is given as its name. Without a
// place, it is in the project's data/raw, and data/fetch.sh fetches it if it is missing; CIFAR-10
// and tables need a place. Throws nn::InputError.
Dataset open_dataset(DataChoice choice);

// The same for "mnist", "fashion" and "cifar10".
data::ImageDataset open_images(const std::string& name, std::filesystem::path folder);

// The table of patients in this folder, or else in data/raw, where it is fetched if it is missing,
// and its columns.
std::filesystem::path heart_file(const std::filesystem::path& from);
data::TableFormat heart_format();

}  // namespace federated
