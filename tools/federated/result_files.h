#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/base/storage.h"
#include "tools/report/document.h"

namespace federated {

// Replaces files of a folder, given by name and content: all of them or, if one cannot be written,
// none. The voucher, a file that vouches for the others, is absent meanwhile. Throws
// nn::InputError.
void replace_files(const std::filesystem::path& folder,
                   const std::map<std::string, std::string>& files, const std::string& voucher,
                   nn::Storage& storage);

// Adds the document's plots and confusion matrices to `files`, by name.
void add_plots(const report::Document& document, std::map<std::string, std::string>& files);

// The document, with the facts added under "How this was made".
report::Document with_facts(report::Document document, const report::Facts& facts);

}  // namespace federated
