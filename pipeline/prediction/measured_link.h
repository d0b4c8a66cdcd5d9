#pragma once

#include <cstddef>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/prediction/predict.h"

namespace pipeline {

constexpr int link_questions = 15;                        // of each size
constexpr std::size_t link_bytes = std::size_t{1} << 18;  // of the large ones

// The link between ranks 0 and 1, from the medians of a few empty and a few large messages that go
// there and back. Every rank must call it at the same point; others than rank 0 get zeros.
Link measured_link(Mailbox& mailbox);

}  // namespace pipeline
