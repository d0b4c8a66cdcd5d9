#pragma once

#include <filesystem>

// Paths that no other user of this machine can change or replace.
namespace pipeline {

// The path with symbolic links resolved. Throws nn::InputError unless this user or root owns it and
// every folder above it, and no group or other users can write to any of them. A folder above it
// may be sticky instead, like /tmp, where users can remove only their own files.
std::filesystem::path trusted(const std::filesystem::path& path);

// The same for a file that others must not read, or a folder that they must not enter.
std::filesystem::path trusted_private(const std::filesystem::path& path);

// Makes a folder that only this user can enter, and those above it, unless they exist.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace pipeline
