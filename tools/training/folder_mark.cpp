#include "tools/training/folder_mark.h"

#include <filesystem>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/training/run_folder.h"

namespace training {

namespace {

namespace fs = std::filesystem;

// The folder of results has not been taken over yet; a folder of checkpoints elsewhere is there.
fs::path marked_folder(const RankOptions& options) {
  return is_own(options.checkpoint, options.out) ? options.out : options.checkpoint;
}
fs::path mark_in(const fs::path& folder) { return folder / ".run"; }

}  // namespace

void mark_folder(const RankOptions& options, const std::string& run) {
  nn::write_file_atomically(mark_in(marked_folder(options)), run);
}

void require_marked_folder(const RankOptions& options, const std::string& run) {
  const fs::path folder = marked_folder(options), mark = mark_in(folder);
  if (fs::exists(mark) && nn::read_file(mark) == run) return;
  const char* const option = is_own(options.checkpoint, options.out) ? "--out" : "--checkpoint";
  throw nn::InputError(
      nn::concat(fs::absolute(folder).string(),
                 " is another folder than that of rank 0, and checkpoints have files of all ranks"),
      nn::concat("give all ranks the same ", option, ", in a folder that all machines see",
                 options.config.is_elastic ? "" : ", or add --checkpoint-every 0"));
}

}  // namespace training
