#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nn/base/storage.h"
#include "nn/files/safetensors.h"

// manifest.txt: the files of a folder that was saved as a whole, and facts about it.
//
//   manifest 2                                  the version; version 1 has no such line
//   step 100                                    of training, in checkpoints
//   state seed 0                                a name and its value; any number of these
//   file piece-0.safetensors 25184 b6d29650     length and CRC-32C; one or more of these
//   checksum 4eca8d07                           of all lines above, in every version
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

// The line of a file, and back; throws Error.
std::string to_text(const SavedFile& file);
SavedFile parse_saved_file(const std::string& line);

// Parses untrusted text, called `name` in errors. Throws InputError for a newer version, a wrong
// checksum, an unknown kind of line, a duplicate, or no file.
Manifest parse_manifest(const std::string& text, const std::string& name);

// Reads a folder's manifest and verifies every file against it. Throws InputError.
Manifest read_manifest(const std::filesystem::path& folder);

// To save a folder, any number of processes save files, then one saves the manifest. From the first
// file until then the folder is incomplete. Throws std::system_error, or Error if the state cannot
// be written.
SavedFile save_file(Storage& storage, const std::filesystem::path& folder, const std::string& name,
                    FileParts content);
void save_manifest(Storage& storage, const std::filesystem::path& folder, Manifest manifest);

// The file after `content` was appended to it.
SavedFile extended(SavedFile before, std::string_view content);

// A fact's value, which must be a number from 0 to 2^31 - 1. Throws Error.
int whole_number(const Metadata& facts, const std::string& name);

}  // namespace nn
