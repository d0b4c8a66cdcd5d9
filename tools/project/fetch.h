#pragma once

#include <filesystem>
#include <string>

namespace project {

// The project's folder, in which this program is as bin/PROGRAM or build/KIND/bin/PROGRAM. Throws
// nn::InputError if it is not in one, such as a program that was copied elsewhere: what happens to
// be in the current folder, or was put there by another user, is never run.
std::filesystem::path folder();

// Where data sets are: the environment's DATA_RAW, or data/raw of the project or, for a program
// outside of one, of the current folder.
std::filesystem::path data_raw();

// Runs the project's data/fetch.sh NAME, which puts a data set there and says on stderr what it
// does. `interrupted`: by Ctrl-C. Throws nn::InputError if there is no project.
enum class Fetched { yes, no, interrupted };
Fetched fetch(const std::string& name);

}  // namespace project
