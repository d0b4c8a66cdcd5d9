#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "nn/base/storage.h"

namespace nn {

// The content of a file. Throws InputError if it cannot be read or has more than `most` bytes.
std::string read_file(const std::filesystem::path& path, std::size_t most = std::string::npos);

// Replaces the file atomically, as replace_file does: even after a power loss either the old or the
// new content is there. Creates the folder if needed. Devices and pipes, such as /dev/stdout, are
// simply written to. Throws InputError.
void write_file_atomically(const std::filesystem::path& path, FileParts content,
                           Readers readers = Readers::everyone);
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           Readers readers = Readers::everyone);

// The same for content that need not fit into memory: `write` passes on its parts in order. It may
// throw; the old file then stays. Not for devices.
using Append = std::function<void(std::string_view part)>;
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const Append& append)>& write,
                           Readers readers = Readers::everyone);

// Creates the folder if needed, and throws InputError if no file can be written there. To check
// before hours of computing.
void require_writable_folder(const std::filesystem::path& folder);

// The same for a file that write_file_atomically will create or replace.
void require_writable_file(const std::filesystem::path& file);

// Throws the InputError for a file that cannot be written.
[[noreturn]] void throw_cannot_write(const std::filesystem::path& path, const std::string& reason);

// Performs a disk operation; if it fails, throws InputError naming the path.
template <class Action>
void on_disk(const std::filesystem::path& path, Action action) {
  try {
    action();
  } catch (const std::system_error& error) {
    throw_cannot_write(path, error.code().message());
  }
}

}  // namespace nn
