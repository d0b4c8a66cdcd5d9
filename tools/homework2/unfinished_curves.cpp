#include "tools/homework2/unfinished_curves.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <ostream>
#include <system_error>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/files/engine.h"
#include "tools/program/dropout_rng.h"

namespace homework2 {

namespace fs = std::filesystem;

namespace {

std::uint32_t checksum_of(const data::Table& table) {
  return nn::crc32c(std::as_bytes(std::span(table.labels)),
                    nn::crc32c(std::as_bytes(std::span(table.values))));
}

}  // namespace

UnfinishedCurves::UnfinishedCurves(const fs::path& out, const Exercise& exercise,
                                   const Setting& setting, const data::Table& table,
                                   std::ostream& log)
    : outcome_{&exercise, nn::describe_engine(), {}} {
  const std::string epochs = setting.epochs ? nn::concat(*setting.epochs, "-epochs-") : "";
  file_ = out / ".unfinished" /
          nn::concat(exercise.name, '-', setting.seed, '-', tools::name_of(setting.stream), '-',
                     epochs, checksum_of(table), ".json");
  std::error_code ignored;
  if (!fs::exists(file_, ignored)) return;
  try {
    Outcome found = read_record(file_, exercise);
    if (found.made != outcome_.made)
      throw nn::InputError(file_.string() + " is of another build", "");
    outcome_.curves = std::move(found.curves);
    log << "going on with the curves in " << file_.string() << '\n';
  } catch (const nn::InputError& error) {
    log << "note: " << exercise.name << " begins again: " << error.what() << '\n';
  }
}

std::vector<Curve> UnfinishedCurves::keep(std::span<const std::string> names,
                                          const MakeCurves& make) {
  std::vector<Curve> found;
  std::ranges::copy_if(outcome_.curves, std::back_inserter(found), [&](const Curve& curve) {
    return std::ranges::count(names, curve.name) > 0;
  });
  if (found.size() == names.size()) return found;
  std::vector<Curve> made = make();
  std::ranges::copy(made, std::back_inserter(outcome_.curves));
  nn::write_file_atomically(file_, to_json(outcome_));
  return made;
}

void UnfinishedCurves::remove() {
  std::error_code ignored;
  fs::remove(file_, ignored);
  fs::remove(file_.parent_path(), ignored);  // unless other runs are kept there
}

}  // namespace homework2
