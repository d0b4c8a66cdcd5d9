#include "nn/base/privacy.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "data/text/tokens.h"
#include "nn/base/file.h"
#include "nn/base/storage.h"
#include "tools/program/privacy.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& file) {
  return static_cast<unsigned>(fs::status(file).permissions());
}
void set_mode(const fs::path& file, unsigned mode) {
  fs::permissions(file, static_cast<fs::perms>(mode));
}

// A folder that everyone may enter, with a text in it.
struct OpenFolder : tools::TemporaryFolder {
  OpenFolder() {
    set_mode(path, 0755);
    nn::write_file_atomically(text, "one\ntwo");
    set_mode(text, 0644);
  }
  fs::path text = path / "text.txt", cache = path / "cache";

  fs::path cache_file() const {
    for (const auto& entry : fs::directory_iterator(cache))
      if (entry.path().extension() == ".tokens") return entry.path();
    return {};
  }
};

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

}  // namespace

TEST_CASE_FIXTURE(OpenFolder, "a file is private unless group and others may read it") {
  for (unsigned mode = 0; mode < 0777; ++mode) {
    CAPTURE(mode);
    set_mode(text, mode);
    CHECK(nn::is_private(text) == ((mode & 044) != 044));
  }
  set_mode(text, 0644);
  CHECK_FALSE(nn::is_private(path / "none"));
  CHECK_FALSE(nn::is_private(""));
}

TEST_CASE_FIXTURE(OpenFolder, "a file in a folder that not everyone may enter is private") {
  fs::create_directories(path / "a" / "b");
  fs::copy(text, path / "a" / "b");
  for (const unsigned mode : {0700, 0710, 0701, 0744, 0770, 0755, 0711}) {
    CAPTURE(mode);
    set_mode(path / "a", mode);
    CHECK(nn::is_private(path / "a" / "b" / "text.txt") == ((mode & 011) != 011));
  }
}

TEST_CASE_FIXTURE(OpenFolder, "a link is as private as its target, wherever it is") {
  fs::create_directory(path / "hidden");
  fs::copy(text, path / "hidden");
  set_mode(path / "hidden", 0700);
  fs::create_symlink(path / "hidden" / "text.txt", path / "link");
  fs::create_symlink(text, path / "hidden" / "link");
  fs::create_symlink("self", path / "self");
  CHECK(nn::is_private(path / "link"));
  CHECK_FALSE(nn::is_private(path / "hidden" / "link"));
  CHECK(nn::is_private(path / "self"));
}

TEST_CASE_FIXTURE(OpenFolder, "a folder is private if anything in it is, or in a step's folder") {
  const fs::path model = path / "model", step = model / "step-5", file = step / "weights";
  nn::write_file_atomically(file, "x");
  fs::create_directory_symlink(model, model / "itself");
  fs::create_symlink(model / "none", model / "dangling");
  const auto open_all = [&] {
    for (const fs::path& folder : {model, step}) set_mode(folder, 0755);
    set_mode(file, 0644);
  };
  open_all();
  CHECK_FALSE(nn::is_private(model));
  for (const fs::path& one : {model, step, file}) {
    open_all();
    set_mode(one, one == file ? 0640 : 0750);
    CAPTURE(one);
    CHECK(nn::is_private(model));
  }
  open_all();
  set_mode(text, 0600);
  fs::create_symlink(text, model / "link");
  CHECK(nn::is_private(model));
}

TEST_CASE_FIXTURE(OpenFolder, "a cache has no more readers than its text, whatever the umask") {
  for (const mode_t mask : {0000, 0022, 0027, 0077})
    for (const unsigned mode : {0600, 0640, 0604, 0644, 0400, 0444, 0660, 0666}) {
      CAPTURE(mask);
      CAPTURE(mode);
      fs::remove_all(cache);
      set_mode(text, mode);
      const Umask umask(mask);
      data::open_tokens(text, {}, cache);
      CHECK(mode_of(cache_file()) == (((mode & 044) == 044 ? 0666 : 0600) & ~mask));
    }
}

TEST_CASE_FIXTURE(OpenFolder, "files made from a text that has since become private are closed") {
  const Umask umask(022);
  data::open_tokens(text, {}, cache);
  CHECK(mode_of(cache_file()) == 0644);
  const auto ids = [&] {
    const data::TokenFile tokens = data::open_tokens(text, {}, cache);
    return std::vector<int>(tokens.ids().begin(), tokens.ids().end());
  };
  const auto before = ids();
  set_mode(text, 0600);
  CHECK(ids() == before);
  CHECK(mode_of(cache_file()) == 0600);
  const auto written = fs::last_write_time(cache_file());
  CHECK(ids() == before);
  CHECK(fs::last_write_time(cache_file()) == written);
  set_mode(text, 0644);
  set_mode(cache_file(), 0644);
  set_mode(path, 0700);  // the text's mode stays, but its folder is closed
  CHECK(ids() == before);
  CHECK(mode_of(cache_file()) == 0600);
}

TEST_CASE_FIXTURE(OpenFolder, "a private file is never written into an existing one") {
  const Umask umask(0);
  const fs::path file = path / "secret", temporary = nn::temporary_beside(file);
  nn::write_file_atomically(temporary, "put here by someone else");
  set_mode(temporary, 0666);
  fs::create_hard_link(temporary, path / "eye");
  nn::write_file_atomically(file, "secret", nn::Readers::owner);
  CHECK(mode_of(file) == 0600);
  CHECK(nn::read_file(path / "eye") == "put here by someone else");
  nn::write_file_atomically(file, "public");
  CHECK(mode_of(file) == 0666);
}

TEST_CASE_FIXTURE(OpenFolder, "a program that reads a private file writes for its owner alone") {
  nn::write_file_atomically(path / "private", "x");
  set_mode(path / "private", 0640);
  for (const mode_t mask : {0000, 0022, 0027, 0077, 0177}) {
    const Umask umask(mask);
    CHECK(tools::keep_private({text, "", path / "none"}) == mask);
    nn::write_file_atomically(path / "model", "x");
    CHECK(mode_of(path / "model") == (0666 & ~mask));
    CHECK(tools::keep_private({text, "", path / "private"}) == (mask | 077));
    nn::write_file_atomically(path / "model", "x");
    CHECK(mode_of(path / "model") == (0600 & ~mask));
  }
}
