#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/safetensors.h"

// manifest.txt: the files of a folder that was saved as a whole, and facts about it.
//
//   manifest 2                                  version; absent in version 1
//   step 100                                    the training step, in checkpoints
//   state seed 0                                name and value; any number of these lines
//   file piece-0.safetensors 25184 b6d29650     length and CRC-32C; one or more lines
//   checksum 4eca8d07                           CRC-32C of all lines above
namespace nn {

constexpr const char* manifest_name = "manifest.txt";

struct SavedFile {
  std::string name;
  std::uint64_t bytes;
  std::uint32_t checksum;
};

struct Manifest {
  std::optional<int> step = {};
  Metadata state = {};
  std::vector<SavedFile> files = {};
};

// A file's line in the manifest, without "file", and back. Throws Error.
std::string to_text(const SavedFile& file);
SavedFile parse_saved_file(const std::string& line);

// Parses untrusted text; errors call it `name`. Throws InputError for a newer version, a wrong
// checksum, an unknown kind of line, a duplicate, or no files.
Manifest parse_manifest(const std::string& text, const std::string& name);

// Reads a folder's manifest and verifies every file against it. Throws InputError.
Manifest read_manifest(const std::filesystem::path& folder);

// Compares the length and checksum of a file in the folder. Throws InputError.
void verify(const std::filesystem::path& folder, const SavedFile& file);

// To save a folder, any number of processes save files, then one saves the manifest. Until then the
// folder is incomplete. Throws std::system_error, or Error if the state cannot be written.
SavedFile save_file(Storage& storage, const std::filesystem::path& folder, const std::string& name,
                    FileParts content);
void save_manifest(Storage& storage, const std::filesystem::path& folder, Manifest manifest);

// The file's entry after appending `content` to it.
SavedFile extended(SavedFile before, std::string_view content);

// The value of a fact that must be a number from 0 to 2^31 - 1. Throws Error.
int whole_number(const Metadata& facts, const std::string& name);

}  // namespace nn
