#pragma once

#include <filesystem>
#include <string>

// Files that no other user of this machine can change or put another in the place of.
namespace pipeline {

// The path without symbolic links, once nobody but this user and root can change what it names: they
// own it and every folder above it, and neither group nor others can write to any of these. A folder
// like /tmp, where people can only remove what is theirs (sticky), will do above it. Throws
// nn::InputError.
std::filesystem::path trusted(const std::filesystem::path& path);

// The same for a file that others must not read either, or a folder that they must not enter.
std::filesystem::path trusted_private(const std::filesystem::path& path);

}  // namespace pipeline
