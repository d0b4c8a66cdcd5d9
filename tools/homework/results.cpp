#include "tools/homework/results.h"

#include <sys/resource.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "nn/blas.h"
#include "nn/json.h"
#include "tools/report/axis.h"

namespace homework {

namespace {

// Resident memory of this process at its largest, in units of 10^6 bytes.
long peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024 / 1'000'000;
}

}  // namespace

std::string number(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  char text[32];
  const double size = std::abs(value);
  const bool is_plain = size == 0 || (size >= 1e-4 && size < 1e16);  // where Python switches
  const auto form = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text, text + sizeof text, value, form).ptr;
  const std::string_view digits(text, end - text);
  return std::string(digits) + (is_plain && digits.find('.') == std::string_view::npos ? ".0" : "");
}

std::string batch_text(int batch) { return batch == 0 ? "∞" : std::to_string(batch); }

std::string percent(double accuracy) { return report::fixed(accuracy, 2); }

std::string curve_name(const Experiment& experiment) {
  const std::string label(experiment.method().label);
  switch (experiment.partition.split) {
    case fl::Split::iid:
      return label;
    case fl::Split::shards:
      return label + " non-IID";
    case fl::Split::dirichlet:
      break;
  }
  return label + " Dirichlet(" + number(experiment.partition.alpha) + ")";
}

std::string to_csv(std::span<const Run> runs, std::span<const std::string> names,
                   bool has_wall_time) {
  std::ostringstream out;
  out << "Round,Algorithm,N,C,B,E,η,Seed," << (has_wall_time ? "Wall time," : "")
      << "Message count,Test accuracy\n";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Experiment& e = runs[i].experiment;
    for (const fl::Round& round : runs[i].rounds) {
      out << round.number << ',' << (names.empty() ? std::string(e.method().label) : names[i])
          << ',' << e.clients << ',' << number(e.fraction) << ',' << batch_text(e.training.batch)
          << ',' << e.training.epochs << ',' << number(e.training.learning_rate) << ',' << e.seed
          << ',';
      if (has_wall_time) out << number(std::round(round.ideal_seconds * 10) / 10) << ',';
      out << round.messages << ',' << number(round.accuracy) << '\n';
    }
  }
  return out.str();
}

std::string to_json(const Run& run, int threads) {
  const Experiment& e = run.experiment;
  const char* splits[] = {"iid", "shards", "dirichlet"};
  std::ostringstream out;
  out << "{\n  \"algorithm\": " << nn::json_quote(e.algorithm)
      << ",\n  \"model\": " << nn::json_quote(e.model) << ",\n  \"clients\": " << e.clients
      << ",\n  \"fraction\": " << number(e.fraction)
      << ",\n  \"batch\": " << (e.training.batch == 0 ? "null" : std::to_string(e.training.batch))
      << ",\n  \"epochs\": " << e.training.epochs
      << ",\n  \"learning_rate\": " << number(e.training.learning_rate)
      << ",\n  \"split\": " << nn::json_quote(splits[static_cast<int>(e.partition.split)])
      << ",\n  \"alpha\": " << number(e.partition.alpha) << ",\n  \"sort\": "
      << nn::json_quote(e.partition.sort == fl::LabelSort::stable ? "stable" : "introsort")
      << ",\n  \"dropout_rng\": "
      << nn::json_quote(e.dropout == nn::DropoutStream::mkl ? "mkl" : "mt")
      << ",\n  \"seed\": " << e.seed << ",\n  \"threads\": " << threads
      << ",\n  \"openblas_core\": " << nn::json_quote(nn::blas::core_name())
      << ",\n  \"peak_memory_mb\": " << peak_memory_mb() << ",\n  \"rounds\": [";
  for (const fl::Round& round : run.rounds) {
    out << (round.number == 1 ? "" : ",") << "\n    {\"round\": " << round.number
        << ", \"message_count\": " << round.messages
        << ", \"test_accuracy\": " << number(round.accuracy)
        << ", \"ideal_seconds\": " << number(round.ideal_seconds)
        << ", \"seconds\": " << number(round.seconds) << ", \"left_out\": [";
    for (std::size_t i = 0; i < round.left_out.size(); ++i)
      out << (i ? ", " : "") << "{\"client\": " << round.left_out[i].client
          << ", \"reason\": " << nn::json_quote(round.left_out[i].reason) << '}';
    out << "]}";
  }
  out << "\n  ]\n}\n";
  return out.str();
}

report::Table accuracy_table(const std::string& caption, std::span<const Run> runs,
                             std::span<const std::string> names) {
  report::Table table{caption, {"Round"}, {}};
  table.header.insert(table.header.end(), names.begin(), names.end());
  for (const fl::Round& round : runs.front().rounds) {
    auto& row = table.rows.emplace_back(1, std::to_string(round.number));
    for (const Run& run : runs)
      row.push_back(round.number <= static_cast<int>(run.rounds.size())
                        ? percent(run.rounds[round.number - 1].accuracy)
                        : "");
  }
  return table;
}

report::LinePlot accuracy_plot(const std::string& file_name, const std::string& title,
                               std::span<const Run> runs, std::span<const std::string> names) {
  report::LinePlot plot{file_name, title, "Round", "Test accuracy", {}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    report::Series& series = plot.series.emplace_back(report::Series{names[i], {}, {}});
    for (const fl::Round& round : runs[i].rounds) {
      series.x.push_back(round.number);
      series.y.push_back(round.accuracy);
    }
  }
  return plot;
}

std::string warning(const std::string& name, const fl::Round& round) {
  constexpr std::size_t shown = 5;
  std::ostringstream out;
  out << "warning: " << name << ", round " << round.number << ": " << round.left_out.size()
      << " of " << round.chosen << " clients are left out: ";
  for (std::size_t i = 0; i < std::min(shown, round.left_out.size()); ++i)
    out << (i ? ", " : "") << round.left_out[i].client << " (" << round.left_out[i].reason << ')';
  if (round.left_out.size() > shown) out << ", ...";
  if (static_cast<int>(round.left_out.size()) == round.chosen)
    out << "; no client is left, the model stays as it was";
  out << '\n';
  return out.str();
}

int count_left_out(const Run& run) {
  std::size_t count = 0;
  for (const fl::Round& round : run.rounds) count += round.left_out.size();
  return static_cast<int>(count);
}

}  // namespace homework
