#include "tools/homework/write_report.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <ostream>
#include <system_error>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/seal.h"

namespace homework {

namespace fs = std::filesystem;

namespace {

bool is_intact(const fs::path& file) {
  try {
    return fs::is_regular_file(file) && nn::is_intact(nn::read_file(file));
  } catch (const nn::InputError&) {
    return false;  // unreadable
  }
}

// Creates an empty file under the first free name, so that no other process can take it.
fs::path reserve_name(const fs::path& file) {
  for (int number = 1;; ++number) {
    const fs::path name = file.parent_path() / nn::concat(file.stem().string(), ".edited-", number,
                                                          file.extension().string());
    if (std::FILE* reserved = std::fopen(name.c_str(), "wx")) {
      std::fclose(reserved);
      return name;
    }
    if (errno != EEXIST) nn::throw_cannot_write(name, std::generic_category().message(errno));
  }
}

}  // namespace

void keep_edited(const fs::path& file, std::ostream& log) {
  std::error_code error;
  if (!fs::exists(file, error) || fs::is_directory(file, error) || is_intact(file)) return;
  const fs::path kept = reserve_name(file);
  fs::rename(file, kept, error);
  if (error) {
    std::error_code ignored;
    fs::remove(kept, ignored);
    nn::throw_cannot_write(kept, error.message());
  }
  log << "note: " << file.string() << " may have been edited: kept as " << kept.string() << '\n';
}

void append(report::Document part, report::Document& all) {
  all.blocks.emplace_back(report::Heading{part.title, 2});
  std::ranges::move(part.blocks, std::back_inserter(all.blocks));
}

void write_report(const fs::path& out, std::string_view notebook, const report::Document& all,
                  std::ostream& log) {
  nn::write_file_atomically(out / "report.html", report::to_html(all));
  const fs::path file = out / nn::concat(notebook, ".ipynb");
  keep_edited(file, log);
  nn::write_file_atomically(file, report::to_notebook(all));
}

}  // namespace homework
