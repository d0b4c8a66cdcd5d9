#pragma once

#include <filesystem>
#include <string>

namespace project {

// The project's folder: the one above the running program's. Falls back to the current folder.
std::filesystem::path folder();

// Where data sets are: data/raw of the project.
std::filesystem::path data_raw();

// Runs data/fetch.sh NAME, which puts a data set there and says on stderr what it does.
// `interrupted`: by Ctrl-C.
enum class Fetched { yes, no, interrupted };
Fetched fetch(const std::string& name);

}  // namespace project
