// The manifest of a checkpoint of step 7. Its checksum is made right, so that what lies behind it
// is reached.

#include "nn/checkpoint_folder.h"
#include "nn/checksum.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(fuzz::text_of(data, size));
  char checksum[32];
  std::snprintf(checksum, sizeof checksum, "checksum %08x\n",
                nn::crc32c(std::as_bytes(std::span(text))));
  fuzz::try_to([&] {
    try {
      const auto manifest = nn::parse_manifest(text + checksum, 7);
      const std::filesystem::path folder = "/folder";
      for (const auto& file : manifest.files) {
        fuzz::expect((folder / file.name).lexically_normal().parent_path() == folder &&
                         file.name.find('\0') == file.name.npos,
                     "every file lies in the folder");
        fuzz::expect(nn::to_text(nn::parse_checkpoint_file(nn::to_text(file))) == nn::to_text(file),
                     "a file survives writing and reading");
      }
    } catch (const nn::Error& error) {  // the folder gives it a hint
      throw nn::InputError(error.what(), "hint");
    }
  });
  return 0;
}
