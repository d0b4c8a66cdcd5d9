#pragma once

#include <cstdint>

namespace tools {

// Resident memory of this process at its largest so far, in bytes.
std::int64_t peak_memory();

}  // namespace tools
