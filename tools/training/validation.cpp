#include "tools/training/validation.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace training {

double perplexity_of(double loss) { return std::exp(loss); }

ValidationLog::ValidationLog(std::string earlier) : earlier_(std::move(earlier)) {}

void ValidationLog::open(const std::filesystem::path& file) {
  path_ = file;
  nn::write_file_atomically(file, earlier_.empty() ? "Step,Loss,Perplexity\n" : earlier_);
  file_.reset(std::fopen(file.c_str(), "a"));
  if (!file_) nn::throw_cannot_write(file, std::strerror(errno));
}

void ValidationLog::add(int step, double loss) {
  std::fprintf(file_.get(), "%d,%.9g,%.9g\n", step, loss, perplexity_of(loss));
  if (std::fflush(file_.get()) != 0) nn::throw_cannot_write(path_, std::strerror(errno));
}

}  // namespace training
