#pragma once

#include <filesystem>
#include <string>

namespace project {

// The folder of the project in which this program is bin/PROGRAM or build/KIND/bin/PROGRAM. Throws
// nn::InputError if there is none, as for a program that was copied elsewhere: no script from the
// current folder or from another user is ever run.
std::filesystem::path folder();

// Where data sets are: $DATA_RAW, or data/raw in the project or, for a program outside a project,
// in the current folder.
std::filesystem::path data_raw();

// Runs the project's data/fetch.sh NAME, which puts a data set there and reports on stderr.
// `interrupted`: by Ctrl-C. Throws nn::InputError if there is no project.
enum class Fetched { yes, no, interrupted };
Fetched fetch(const std::string& name);

}  // namespace project
