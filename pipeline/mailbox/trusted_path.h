#pragma once

#include <filesystem>
#include <string>

// Files that no other user of this machine can change or replace.
namespace pipeline {

// The path with symbolic links resolved. Throws nn::InputError unless this user or root owns it and
// every folder above it, and neither group nor others can write to any of them. A folder above it
// may also be sticky, like /tmp, where users can remove only their own files.
std::filesystem::path trusted(const std::filesystem::path& path);

// The same for a file that others must not be able to read, or a folder they must not enter.
std::filesystem::path trusted_private(const std::filesystem::path& path);

}  // namespace pipeline
