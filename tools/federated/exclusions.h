#pragma once

#include <string>

#include "tools/federated/runner.h"

// Clients whose updates were not used.
namespace federated {

// One line about the clients that were excluded from a round.
std::string warning(const std::string& name, const fl::Round& round);

int count_excluded(const Run& run);

// Whether the last round changed nothing because no client's update was finite.
bool has_diverged(const Run& run);

// What a program that has said so exits with, after it has written the results.
constexpr int diverged_status = 3;

}  // namespace federated
