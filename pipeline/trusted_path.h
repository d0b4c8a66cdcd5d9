#pragma once

#include <filesystem>
#include <string>

// Files that no other user of this machine can change or put another in the place of.
namespace pipeline {

// The path without symbolic links. Throws nn::InputError unless this user or root own what it names
// and every folder above, and neither group nor others can write to any of these. Above it a folder
// like /tmp will do, where users can remove only what is theirs (sticky).
std::filesystem::path trusted(const std::filesystem::path& path);

// The same for a file that others must not read either, or a folder that they must not enter.
std::filesystem::path trusted_private(const std::filesystem::path& path);

}  // namespace pipeline
