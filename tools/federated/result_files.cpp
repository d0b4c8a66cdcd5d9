#include "tools/federated/result_files.h"

#include <system_error>

#include "nn/base/file.h"

namespace federated {

namespace fs = std::filesystem;

report::Document with_facts(report::Document document, const report::Facts& facts) {
  document.blocks.emplace_back(report::Heading{"How this was made", 3});
  document.blocks.emplace_back(facts);
  return document;
}

void add_plots(const report::Document& document, std::map<std::string, std::string>& files) {
  for (const report::Block& block : document.blocks) {
    if (const auto* plot = std::get_if<report::LinePlot>(&block))
      files[plot->file_name + ".svg"] = report::to_svg(*plot);
    if (const auto* matrix = std::get_if<report::ConfusionMatrix>(&block))
      files[matrix->file_name + ".svg"] = report::to_svg(*matrix);
  }
}

void replace_files(const fs::path& folder, const std::map<std::string, std::string>& files,
                   const std::string& voucher, nn::Storage& storage) {
  try {
    storage.create_folder(folder);
    for (const auto& [name, content] : files) {
      const std::string_view part = content;
      storage.write(nn::temporary_beside(folder / name), {&part, 1});
      storage.sync(nn::temporary_beside(folder / name));
    }
    // From here on there is nothing that takes space.
    storage.remove(folder / voucher);
    storage.sync(folder);
    for (const auto& [name, content] : files)
      if (name != voucher) storage.rename(nn::temporary_beside(folder / name), folder / name);
    storage.sync(folder);
    storage.rename(nn::temporary_beside(folder / voucher), folder / voucher);
    storage.sync(folder);
  } catch (const std::system_error& error) {
    std::error_code ignored;
    for (const auto& [name, content] : files)
      fs::remove(nn::temporary_beside(folder / name), ignored);
    nn::throw_cannot_write(folder, error.code().message());
  }
}

}  // namespace federated
