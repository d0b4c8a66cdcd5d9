#include "tools/homework/write_report.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/seal.h"
#include "tools/program/temporary_folder.h"

using homework::keep_edited;
namespace fs = std::filesystem;

namespace {

// The message when it makes way.
std::string keep(const fs::path& file) {
  std::ostringstream log;
  keep_edited(file, log);
  return log.str();
}

const std::string intact = nn::sealed(R"({"checksum": "00000000"})");

}  // namespace

TEST_CASE("an edited file is kept under the first free name, an intact one is not") {
  const tools::TemporaryFolder folder;
  const fs::path file = folder.path / "a.b.ipynb";
  CHECK(keep(file) == "");
  nn::write_file_atomically(file, intact);
  CHECK(keep(file) == "");
  CHECK(nn::read_file(file) == intact);
  fs::create_directory(folder.path / "a.b.edited-2.ipynb");
  int number = 0;
  for (const std::string& content : {intact + ' ', std::string(), std::string("{\"cells\": []}")}) {
    number += number == 1 ? 2 : 1;
    nn::write_file_atomically(file, content);
    const fs::path kept = folder.path / nn::concat("a.b.edited-", number, ".ipynb");
    CHECK(keep(file) == nn::concat("note: ", file.string(), " may have been edited: kept as ",
                                   kept.string(), '\n'));
    CHECK(!fs::exists(file));
    CHECK(nn::read_file(kept) == content);
  }
}

TEST_CASE("a link to an edited file is kept, and so is its target") {
  const tools::TemporaryFolder folder;
  const fs::path file = folder.path / "a.ipynb", target = folder.path / "mine";
  fs::create_symlink("mine", file);
  CHECK(keep(file) == "");  // it leads nowhere
  nn::write_file_atomically(target, "edited");
  CHECK(keep(file) != "");
  CHECK(nn::read_file(target) == "edited");
  CHECK(nn::read_file(folder.path / "a.edited-1.ipynb") == "edited");
}

TEST_CASE("a name that another program takes meanwhile is left alone") {
  const tools::TemporaryFolder folder;
  const fs::path file = folder.path / "a.ipynb";
  const auto name = [&](int i) { return folder.path / nn::concat("a.edited-", i, ".ipynb"); };
  constexpr int count = 300;
  std::set<std::string> theirs, ours, all;
  std::thread other([&] {
    for (int i = 1; i <= count; ++i)
      if (std::FILE* taken = std::fopen(name(i).c_str(), "wx")) {
        theirs.insert(nn::concat("theirs ", i));
        std::fputs(nn::concat("theirs ", i).c_str(), taken);
        std::fclose(taken);
      }
  });
  for (int i = 1; i <= 100; ++i) {
    std::ofstream(file) << *ours.insert(nn::concat("ours ", i)).first;
    keep(file);
  }
  other.join();
  for (const auto& entry : fs::directory_iterator(folder.path))
    all.insert(nn::read_file(entry.path()));
  ours.merge(theirs);
  CHECK(all == ours);
}
