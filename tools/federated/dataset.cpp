#include "tools/federated/dataset.h"

#include <array>
#include <csignal>
#include <span>

#include "data/images/cifar.h"
#include "data/images/mnist.h"
#include "data/images/own_images.h"
#include "data/tables/rows.h"
#include "data/text/plays.h"
#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/named_row.h"
#include "nn/base/split.h"
#include "tools/program/nearest.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/project/fetch.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

void fetch(const std::string& name) {
  const project::Fetched fetched = project::fetch(name);
  if (fetched == project::Fetched::interrupted) throw tools::Stopped{SIGINT};
  if (fetched == project::Fetched::no)
    throw nn::InputError(nn::concat("the data set ", name, " is missing and could not be fetched"),
                         "the lines above say what was tried and what to do");
}

// The user's own place, or else data/raw, where the data set is fetched if it is missing.
fs::path place_of(const std::string& name, const fs::path& from,
                  bool (*is_present)(const fs::path&)) {
  if (!from.empty()) return from;
  const fs::path folder = project::data_raw() / name;
  if (!is_present(folder)) fetch(name);
  return folder;
}

void require_no_pixels(const DataChoice& choice) {
  if (choice.pixels == Pixels::standard) return;
  throw nn::InputError(nn::concat("--pixels is for images, and --dataset is ", choice.name),
                       "leave it out");
}

void require_no_format(const DataChoice& choice) {
  if (choice.format.label.empty() && choice.format.categorical.empty()) return;
  throw nn::InputError(
      nn::concat("--label and --categorical are for tables, and --dataset is ", choice.name),
      "leave them out, or choose --dataset table --data FILE");
}

// The two parts share ownership of the whole.
template <class Parts>
Dataset in_memory(const std::string& name, Parts parts) {
  const auto all = std::make_shared<const Parts>(std::move(parts));
  return {name, {all, &all->train}, {all, &all->test}};
}

// Gives images the pixels that are chosen. Returns their name: other pixels are another data set.
std::string scale(data::ImageDataset& images, const std::string& name, Pixels pixels) {
  if (pixels == Pixels::standard) return name;
  for (data::ImageSet* part : {&images.train, &images.test}) {
    part->mean.assign(part->channels, 0);
    part->stddev.assign(part->channels, 1);
  }
  return name + " 0-1";
}

Dataset open_image_set(const DataChoice& choice) {
  require_no_format(choice);
  data::ImageDataset images = open_images(choice.name, choice.from);
  const std::string name = scale(images, choice.name, choice.pixels);
  return in_memory(name, std::move(images));
}

// The name, with a checksum of the user's own data: a saved run cannot go on with other data.
std::string name_with(const DataChoice& choice, std::uint32_t checksum) {
  if (choice.from.empty()) return choice.name;
  return nn::concat(choice.name, ' ', std::hex, checksum);
}
std::string name_with(const DataChoice& choice, std::span<const std::byte> content) {
  return name_with(choice, choice.from.empty() ? 0 : nn::crc32c(content));
}

std::uint32_t checksum_of(const data::ImageDataset& images) {
  std::uint32_t checksum = 0;
  for (const auto* part : {&images.train, &images.test})
    for (const auto* bytes : {&part->pixels, &part->labels})
      checksum = nn::crc32c(std::as_bytes(std::span(*bytes)), checksum);
  return checksum;
}

std::string spaced(std::span<const float> numbers) {
  std::string text;
  for (const float number : numbers) text += nn::concat(' ', number);
  return text;
}

Dataset open_own_images(const DataChoice& choice) {
  require_no_format(choice);
  if (choice.from.empty())
    throw nn::InputError("--dataset images needs a folder", "--dataset FOLDER, or --data FOLDER");
  data::ImageDataset images = data::load_own_images(choice.from);
  const std::string name = scale(images, name_with(choice, checksum_of(images)), choice.pixels);
  const std::string shown =
      nn::concat(images.train.size(), " training and ", images.test.size(), " test images of ",
                 images.train.channels, 'x', images.train.height, 'x', images.train.width, ", ",
                 images.classes, " classes, mean", spaced(images.train.mean), ", deviation",
                 spaced(images.train.stddev));
  Dataset dataset = in_memory(name, std::move(images));
  dataset.description = choice.from.string() + ": " + shown;
  return dataset;
}

Dataset open_shakespeare(const DataChoice& choice) {
  require_no_format(choice);
  require_no_pixels(choice);
  const auto is_present = [](const fs::path& folder) {
    return data::count_plays(folder) >= data::shakespeare_plays;
  };
  data::Plays plays = data::read_plays(place_of(choice.name, choice.from, is_present));
  const std::string name = name_with(choice, std::as_bytes(std::span(plays.train.text())));
  return in_memory(name, std::move(plays));
}

Dataset open_rows(const DataChoice& choice, const fs::path& file, const data::TableFormat& format) {
  require_no_pixels(choice);
  const std::string csv = nn::read_file(file, 20'000'000);
  data::Table table = data::parse_table(csv, file.string(), format);
  if (table.rows() < 5)
    throw nn::InputError(
        nn::concat(file.string(), " has only ", table.rows(), table.rows() == 1 ? " row" : " rows"),
        "a fifth of the rows tests: there must be 5 or more");
  // What the columns are changes the task, too.
  const std::string task =
      nn::concat(csv, '\0', format.label, '\0', nn::join(format.categorical, ","));
  return in_memory(name_with(choice, std::as_bytes(std::span(task))),
                   data::split_rows(std::move(table)));
}

Dataset open_heart(const DataChoice& choice) {
  require_no_format(choice);
  return open_rows(choice, heart_file(choice.from), heart_format());
}

Dataset open_table(const DataChoice& choice) {
  if (choice.from.empty() || choice.format.label.empty())
    throw nn::InputError("--dataset table needs a file and a label",
                         "name its file and the column of the classes: --data heart.csv --label "
                         "target --categorical sex,cp");
  return open_rows(choice, choice.from, choice.format);
}

}  // namespace

fs::path heart_file(const fs::path& from) {
  const auto is_present = [](const fs::path& folder) { return fs::exists(folder / "heart.csv"); };
  return place_of("heart", from, is_present) / "heart.csv";
}

data::TableFormat heart_format() {
  return {"target", {"sex", "cp", "fbs", "restecg", "exang", "slope", "ca", "thal"}};
}

std::span<const DatasetEntry> dataset_table() {
  static constexpr std::array table{
      DatasetEntry{"mnist", "70,000 images of digits", open_image_set},
      DatasetEntry{"fashion", "70,000 images of clothes", open_image_set},
      DatasetEntry{"cifar10", "60,000 coloured images; --data names its folder", open_image_set},
      DatasetEntry{"images", "your own, in IDX files, of any size: --dataset FOLDER",
                   open_own_images},
      DatasetEntry{"shakespeare", "37 plays, a natural client for each of 440 roles",
                   open_shakespeare},
      DatasetEntry{"heart", "1,025 rows of 302 patients, 13 features", open_heart},
      DatasetEntry{"table", "rows of a CSV file: --data FILE --label COLUMN", open_table},
  };
  return table;
}

Dataset open_dataset(DataChoice choice) {
  std::error_code ignored;
  if (const DatasetEntry* found = nn::find_row(dataset_table(), choice.name))
    return found->open(choice);
  if (choice.from.empty() && fs::is_directory(choice.name, ignored)) {
    choice.from = choice.name;
    choice.name = "images";
    return open_own_images(choice);
  }
  const std::vector<std::string> names = tools::names_of(dataset_table());
  const std::string meant = tools::nearest(choice.name, names);
  throw nn::InputError(nn::concat("there is no data set ", choice.name),
                       nn::concat(meant.empty() ? "" : "did you mean " + meant + "? ", "choose ",
                                  nn::join(names, ", "), " or a folder of images"));
}

data::ImageDataset open_images(const std::string& name, fs::path folder) {
  if (name == "cifar10") {
    if (folder.empty())
      throw nn::InputError("CIFAR-10 has to be downloaded by hand",
                           "name the folder of its binary version: --data cifar-10-batches-bin");
    return data::load_cifar10(folder);
  }
  folder = place_of(name, folder, data::dataset_is_present);
  return name == "fashion" ? data::load_fashion_mnist(folder) : data::load_mnist(folder);
}

}  // namespace federated
