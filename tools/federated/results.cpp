#include "tools/federated/results.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>
#include <vector>

#include "nn/base/csv.h"
#include "tools/federated/exclusions.h"
#include "tools/federated/extras.h"
#include "tools/federated/losses.h"
#include "tools/federated/split_name.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"

namespace federated {

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

std::string list_of(std::span<const int> numbers, std::string_view separator) {
  std::string text;
  for (int number : numbers) text += nn::concat(text.empty() ? "" : separator, number);
  return text;
}

std::string batch_text(int batch) { return batch == 0 ? "∞" : std::to_string(batch); }

std::string percent(double accuracy) {
  return std::isnan(accuracy) ? "" : report::fixed(accuracy, 2);
}

// Empty for NaN, as of a round without a test.
static std::string cell(double value) { return std::isnan(value) ? "" : number(value); }

std::string curve_name(const Experiment& experiment) {
  const std::string label(experiment.algorithm_entry().label);
  switch (experiment.partition.split) {
    case fl::Split::iid:
      return label;
    case fl::Split::shards:
      return label + " non-IID";
    case fl::Split::dirichlet:
      return label + " Dirichlet(" + number(experiment.partition.alpha) + ")";
    default:
      return label + ' ' + split_name(experiment.partition);
  }
}

std::string to_csv(std::span<const Run> runs, std::span<const std::string> names,
                   bool has_wall_time) {
  std::ostringstream out;
  const bool has_options = std::ranges::any_of(
      runs, [](const Run& run) { return !option_text(run.experiment).empty(); });
  const bool has_extras = std::ranges::any_of(
      runs, [](const Run& run) { return !extras_text(run.experiment).empty(); });
  const std::vector<std::string> losses = losses_of(runs);
  out << "Round,Algorithm,N,C,B,E,η,Seed," << (has_wall_time ? "Wall time," : "")
      << "Message count,Test accuracy" << (names.empty() ? "" : ",Split,Curve")
      << (has_options ? ",Options" : "") << (has_extras ? ",Training" : "");
  for (const std::string& loss : losses) out << ',' << loss;
  out << '\n';
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Experiment& e = runs[i].experiment;
    for (const fl::Round& round : runs[i].rounds) {
      out << round.number << ',' << e.algorithm_entry().label << ',' << e.clients << ','
          << number(e.fraction) << ',' << batch_text(e.training.batch) << ',' << e.training.epochs
          << ',' << number(e.training.learning_rate) << ',' << e.seed << ',';
      if (has_wall_time) out << number(std::round(round.ideal_seconds * 10) / 10) << ',';
      out << round.messages << ',' << cell(round.accuracy);
      if (!names.empty())
        out << ',' << nn::csv_cell(split_name(e.partition)) << ',' << nn::csv_cell(names[i]);
      if (has_options) out << ',' << nn::csv_cell(option_text(e));
      if (has_extras) out << ',' << nn::csv_cell(extras_text(e));
      for (const std::string& loss : losses) out << ',' << cell(measure_of(round, loss));
      out << '\n';
    }
  }
  return out.str();
}

std::string to_full_csv(std::span<const Run> runs) {
  std::set<std::string> measures;
  bool has_selected = false;
  for (const Run& run : runs)
    for (const fl::Round& round : run.rounds) {
      for (const auto& [name, value] : round.measures) measures.insert(name);
      has_selected |= !round.selected.empty();
    }
  std::ostringstream out;
  out << "Round,Algorithm,N,C,B,E,η,Seed,Message count,Test "
         "accuracy,Options,Split,Dataset,Model,Attack,"
         "Malicious,Defence,Training,Excluded";
  for (const std::string& name : measures) out << ',' << nn::csv_cell(name);
  out << (has_selected ? ",Selected" : "") << '\n';
  for (const Run& run : runs) {
    const Experiment& e = run.experiment;
    for (const fl::Round& round : run.rounds) {
      out << round.number << ',' << e.algorithm_entry().label << ',' << e.clients << ','
          << number(e.fraction) << ',' << batch_text(e.training.batch) << ',' << e.training.epochs
          << ',' << number(e.training.learning_rate) << ',' << e.seed << ',' << round.messages
          << ',' << cell(round.accuracy);
      for (const std::string& text :
           {option_text(e), split_name(e.partition), run.dataset, e.model, e.attack,
            e.attack == "none" ? "" : malicious_text(e.malicious), e.defence, training_text(e)})
        out << ',' << nn::csv_cell(text);
      out << ',' << round.excluded.size();
      for (const std::string& name : measures) {
        const auto found = round.measures.find(name);
        out << ',' << (found == round.measures.end() ? "" : number(found->second));
      }
      if (has_selected) out << ',' << nn::csv_cell(list_of(round.selected, " "));
      out << '\n';
    }
  }
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

namespace {

// In a run's table behind its accuracies and times, the most important first.
constexpr std::string_view measures_shown[] = {"Epsilon",
                                               "Attack success",
                                               "Triggered accuracy",
                                               fl::simulated_seconds,
                                               "Waiting",
                                               "Staleness",
                                               "Client accuracy",
                                               "Client accuracy worst tenth",
                                               "Client accuracy deviation",
                                               "Bytes up",
                                               "Bytes down"};

// Adds a column for the measure if the run has it, unless the table gets too wide for a screen.
void add_measure(std::string_view name, const Run& run, report::Table& table) {
  if (std::ranges::none_of(run.rounds, [&](const fl::Round& round) {
        return round.measures.contains(std::string(name));
      }))
    return;
  const bool is_bytes = name.starts_with("Bytes");
  report::Table wider = table;
  wider.header.push_back(nn::concat(name, is_bytes ? ", MB" : ""));
  for (std::size_t i = 0; i < run.rounds.size(); ++i)
    wider.rows[i].push_back(percent(measure_of(run.rounds[i], name) * (is_bytes ? 1e-6 : 1)));
  if (report::width_of(wider) <= report::screen_width) table = std::move(wider);
}

}  // namespace

report::Table round_table(const Run& run) {
  const bool has_excluded = count_excluded(run) > 0;
  report::Table table{describe(run.experiment), {"Round", "Message count", "Test accuracy"}, {}};
  const std::vector<std::string> losses = losses_of({&run, 1});
  table.header.insert(table.header.end(), losses.begin(), losses.end());
  if (has_excluded) table.header.push_back("Excluded");
  for (const char* column : {"Ideal time, s", "Time, s"}) table.header.push_back(column);
  for (const fl::Round& round : run.rounds) {
    auto& row = table.rows.emplace_back();
    row = {std::to_string(round.number), std::to_string(round.messages), percent(round.accuracy)};
    for (const std::string& loss : losses) row.push_back(loss_text(measure_of(round, loss)));
    if (has_excluded) row.push_back(std::to_string(round.excluded.size()));
    row.push_back(percent(round.ideal_seconds));
    row.push_back(percent(round.seconds));
  }
  for (const std::string_view name : measures_shown) add_measure(name, run, table);
  return table;
}

report::Table class_table(const Run& run) {
  report::Table table{"After the last round", {"Class", "Test accuracy"}, {}};
  for (const auto& [name, value] : run.rounds.back().measures)
    if (name.starts_with(fl::class_prefix))
      table.rows.push_back({name.substr(fl::class_prefix.size()), percent(value)});
  return table;
}

report::LinePlot accuracy_plot(const std::string& file_name, const std::string& title,
                               std::span<const Run> runs, std::span<const std::string> names) {
  report::LinePlot plot{file_name, title, "Round", "Test accuracy", {}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    report::Series& series = plot.series.emplace_back(report::Series{names[i], {}, {}});
    for (const fl::Round& round : runs[i].rounds) {
      if (std::isnan(round.accuracy)) continue;
      series.x.push_back(round.number);
      series.y.push_back(round.accuracy);
    }
  }
  return plot;
}

}  // namespace federated
