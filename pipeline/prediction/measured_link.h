#pragma once

#include <cstddef>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/prediction/predict.h"
#include "pipeline/topology.h"

namespace pipeline {

constexpr int link_questions = 15;                        // of each size
constexpr std::size_t link_bytes = std::size_t{1} << 18;  // of the large ones

// A cluster with its links: those of rank 0 to the next stage and to the next pipeline, from the
// medians of a few empty and a few large messages that go there and back. If there is only one of
// the two, it stands for both. Every rank must call it at the same point; others than rank 0 get
// zeros.
Cluster measured_links(Mailbox& mailbox, const Topology& topology);

}  // namespace pipeline
