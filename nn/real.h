#pragma once

#ifndef REAL
#define REAL float
#endif

namespace nn {

// The one number type of the engine: float, or double in the build that checks gradients.
using real = REAL;

}  // namespace nn
