#pragma once

#include <string>

#include "tools/report/document.h"
#include "tools/training/scaling.h"

namespace training {

// Scaling to a number of ranks, as tables and a picture.
struct ScalingReport {
  std::string title;
  report::Table weak, strong;  // the batch grows with the pipelines; the batch stays
  report::LinePlot efficiency;
};

// `microbatches`: of each pipeline in weak scaling. `batch`: microbatches of all pipelines in
// strong scaling.
ScalingReport scaling_report(const Scaling& scaling, int ranks, int microbatches, int batch);

}  // namespace training
