#pragma once

namespace tools {

// Lets this process open as many files as the system permits. Each connection is one.
void allow_many_files();

}  // namespace tools
