#include "tools/training/folder_mark.h"

#include <system_error>

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

FolderMark::FolderMark(const RankOptions& options, const std::string& run)
    : file_(mark_in(marked_folder(options))) {
  nn::write_file_atomically(file_, run);
  std::error_code ignored;
  written_ = fs::last_write_time(file_, ignored);
}

FolderMark::~FolderMark() {
  std::error_code ignored;
  // If this process was frozen, the elastic run may have another rank 0 by now.
  if (fs::last_write_time(file_, ignored) == written_) fs::remove(file_, ignored);
}

void FolderMark::require(const RankOptions& options, const std::string& run) {
  const fs::path folder = marked_folder(options), mark = mark_in(folder);
  if (fs::exists(mark) && nn::read_file(mark) == run) return;
  throw nn::InputError(
      nn::concat(fs::absolute(folder).string(),
                 " is another folder than that of rank 0, and checkpoints have files of all ranks"),
      options.config.is_elastic
          ? "give all ranks the same --out, in a folder that all machines see"
          : "give all ranks the same --out, in a folder that all machines see, or add "
            "--checkpoint-every 0");
}

}  // namespace training
