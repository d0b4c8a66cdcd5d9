#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nn/safetensors.h"
#include "nn/storage.h"

// manifest.txt: the files of a folder that was saved as a whole, and what is worth knowing of it.
//
//   manifest 2                                  the version; version 1 has no such line
//   step 100                                    of training, in checkpoints
//   state seed 0                                a word and a line; any number of them
//   file piece-0.safetensors 25184 b6d29650     its length, its CRC-32C; one or more
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

// Bytes that nobody vouches for. Throws InputError for another version, a wrong checksum, a line of
// another kind, anything named twice, no file; complaints call it `name`.
Manifest parse_manifest(const std::string& text, const std::string& name);

// The manifest of a folder in which every file is as the manifest says. Throws InputError.
Manifest read_manifest(const std::filesystem::path& folder);

// To save a folder: all files, by any number of processes, then the manifest by one of them. The
// folder is no whole one from the first file on until then. Throws std::system_error; Error if the
// state cannot be written.
SavedFile save_file(Storage& storage, const std::filesystem::path& folder, const std::string& name,
                    FileParts content);
void save_manifest(Storage& storage, const std::filesystem::path& folder, Manifest manifest);

// `before`, grown by what comes next in its file.
SavedFile extended(SavedFile before, std::string_view content);

// The number from 0 to 2^31 - 1 that a fact must be. Throws Error.
int whole_number(const Metadata& facts, const std::string& name);

}  // namespace nn
