// The manifest of a folder. Its checksum is corrected, so that the code behind it is reached.

#include <set>

#include "nn/base/checksum.h"
#include "nn/files/manifest.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(fuzz::text_of(data, size));
  char checksum[32];
  std::snprintf(checksum, sizeof checksum, "checksum %08x\n",
                nn::crc32c(std::as_bytes(std::span(text))));
  fuzz::try_to([&] {
    const auto manifest = nn::parse_manifest(text + checksum, "manifest.txt");
    fuzz::expect(!manifest.files.empty(), "a manifest names a file");
    fuzz::expect(!manifest.step || *manifest.step >= 0, "no step is negative");
    std::set<std::string> names;
    const std::filesystem::path folder = "/folder";
    for (const auto& file : manifest.files) {
      fuzz::expect((folder / file.name).lexically_normal().parent_path() == folder &&
                       file.name.find('\0') == file.name.npos,
                   "every file lies in the folder");
      fuzz::expect(names.insert(file.name).second, "no file is named twice");
      fuzz::expect(nn::to_text(nn::parse_saved_file(nn::to_text(file))) == nn::to_text(file),
                   "a file survives writing and reading");
    }
    for (const auto& [key, value] : manifest.state) {
      fuzz::expect(!key.empty() && std::ranges::none_of(key + value, fuzz::is_control),
                   "a state is a word and a line");
      try {
        fuzz::expect(nn::whole_number(manifest.state, key) >= 0, "no count is negative");
      } catch (const nn::Error& error) {
        fuzz::expect(std::ranges::none_of(std::string_view(error.what()), fuzz::is_control),
                     "a complaint is one line");
      }
    }
  });
  return 0;
}
