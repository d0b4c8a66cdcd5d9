#pragma once

#ifndef REAL
#define REAL float
#endif

namespace nn {

// The engine's number type: float, or double in the build that checks gradients.
using real = REAL;

}  // namespace nn
