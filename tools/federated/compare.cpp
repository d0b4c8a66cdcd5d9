#include "tools/federated/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "nn/base/csv.h"
#include "nn/base/json.h"
#include "nn/base/number.h"
#include "tools/federated/extras.h"
#include "tools/federated/split_name.h"

namespace federated {

namespace {

// One line of the table, by column.
class Row {
 public:
  Row(std::string place, const std::vector<std::string>& header, const nn::CsvRecord& record)
      : place_(std::move(place)) {
    for (std::size_t i = 0; i < header.size(); ++i) cells_[header[i]] = record.cells[i];
  }

  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds)
      throw nn::InputError(
          nn::concat(place_, ": ", parts...),
          "a table has the columns Round,Algorithm,N,C,B,E,η,Seed,[Split,]Test accuracy");
  }
  bool has(const std::string& column) const { return cells_.contains(column); }
  const std::string& text(const std::string& column) const {
    check(has(column), "there is no column ", column);
    return cells_.at(column);
  }
  template <class Number>
  Number number(const std::string& column) const {
    std::string_view cell = text(column);
    // pandas writes whole numbers so where a column has gaps or infinity.
    if (std::is_integral_v<Number> && cell.ends_with(".0")) cell.remove_suffix(2);
    const auto value = nn::parse_number<Number>(cell);
    check(value.has_value(), column, " is not a number: ", nn::json_quote(text(column)));
    return *value;
  }

 private:
  std::string place_;
  std::map<std::string, std::string> cells_;
};

Experiment experiment_of(const Row& row, const Experiment& base) {
  Experiment e = base;
  const std::string label = row.text("Algorithm");
  const auto found = std::ranges::find(fl::algorithm_table(), label, &fl::AlgorithmEntry::label);
  row.check(found != fl::algorithm_table().end(), "there is no algorithm called ",
            nn::json_quote(label));
  e.algorithm = found->name;
  e.clients = row.number<int>("N");
  e.fraction = row.number<double>("C");
  e.training.batch = row.text("B") == "∞" || row.text("B") == "inf" ? 0 : row.number<int>("B");
  e.training.epochs = row.number<int>("E");
  e.training.learning_rate = row.number<double>("η");
  e.seed = row.number<std::uint64_t>("Seed");
  if (row.has("Split")) {
    const std::string& text = row.text("Split");
    const auto partition = parse_split(text, base.partition);
    row.check(partition.has_value(), "the split ", nn::json_quote(text),
              " is none of iid, shards and dirichlet(0.5), say");
    e.partition = *partition;
  }
  if (row.has("Options")) {
    const auto options = parse_options(row.text("Options"));
    row.check(options.has_value(), nn::json_quote(row.text("Options")), " are no options");
    e.options = *options;
  }
  if (row.has("Model")) e.model = row.text("Model");
  for (const Extra& extra : extras()) {
    const std::string column(extra.column);
    if (!column.empty() && row.has(column) && !row.text(column).empty())
      row.check(extra.parse(row.text(column), e), column, " cannot be ",
                nn::json_quote(row.text(column)));
  }
  if (row.has("Training"))  // earlier versions of the program have attacks and defences there, too
    row.check(parse_extras(row.text("Training"), e), nn::json_quote(row.text("Training")),
              " is not what changes a training, such as momentum=0.9 or defence=median");
  return settled(e);
}

std::vector<Reference> references_of(const std::vector<nn::CsvRecord>& table,
                                     const std::string& name, const Experiment& base) {
  std::vector<Reference> references;
  for (std::size_t i = 1; i < table.size(); ++i) {
    const Row row(nn::concat(name, ':', table[i].line), table.front().cells, table[i]);
    const Experiment experiment = experiment_of(row, base);
    const int round = row.number<int>("Round");
    if (round == 1)
      references.push_back({experiment, {}, row.has("Dataset") ? row.text("Dataset") : ""});
    row.check(!references.empty() &&
                  describe(references.back().experiment) == describe(experiment) &&
                  round == references.back().experiment.rounds * (round > 1) + 1,
              "round ", round, " does not follow the line before");
    const bool is_tested = !row.text("Test accuracy").empty();
    const double accuracy = is_tested ? row.number<double>("Test accuracy") : NAN;
    row.check(!is_tested || (accuracy >= 0 && accuracy <= 100), "the accuracy ", accuracy,
              " is not in percent");
    references.back().accuracies.push_back(accuracy);
    references.back().experiment.rounds = round;
  }
  if (references.empty())
    throw nn::InputError(nn::concat(name, ": there are no results in it"),
                         "it should be a CSV file such as hw1 run --csv writes");
  return references;
}

}  // namespace

std::vector<Reference> read_results(const std::filesystem::path& file, const Experiment& base) {
  return references_of(nn::read_csv(file), file.string(), base);
}

std::vector<Reference> parse_results(const std::string& text, const std::string& name,
                                     const Experiment& base) {
  return references_of(nn::parse_csv(text, name), name, base);
}

std::string configuration_name(const Experiment& e) {
  const std::string options = option_text(e);
  return nn::concat(curve_name(e), options.empty() ? "" : " ", options, " N=", e.clients,
                    " C=", number(e.fraction), " E=", e.training.epochs, " seed=", e.seed);
}

double largest_difference(const Reference& reference, const Run& run) {
  double largest = 0;
  for (std::size_t i = 0; i < run.rounds.size(); ++i)
    if (!std::isnan(reference.accuracies[i]))
      largest = std::max(largest, std::abs(run.rounds[i].accuracy - reference.accuracies[i]));
  return largest;
}

report::Document comparison(std::span<const Reference> references, std::span<const Run> runs,
                            double tolerance) {
  report::Document out{"Same seed, same numbers?", {}};
  report::Table table{"Test accuracy in the last round, and the largest difference of any round",
                      {"Configuration", "Rounds", "Reference", "Here", "Largest difference"},
                      {}};
  report::LinePlot plot{
      "differences", "Difference to the reference", "Round", "Here minus reference, points", {}};
  int within = 0;
  double worst = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string name = configuration_name(runs[i].experiment);
    const double largest = largest_difference(references[i], runs[i]);
    worst = std::max(worst, largest);
    within += largest <= tolerance + 1e-9;
    table.rows.push_back({name, std::to_string(runs[i].rounds.size()),
                          percent(references[i].accuracies[runs[i].rounds.size() - 1]),
                          percent(runs[i].final_accuracy()), percent(largest)});
    report::Series& series = plot.series.emplace_back(report::Series{name, {}, {}});
    for (const fl::Round& round : runs[i].rounds) {
      const double difference = round.accuracy - references[i].accuracies[round.number - 1];
      if (std::isnan(difference)) continue;
      series.x.push_back(round.number);
      series.y.push_back(difference);
    }
  }
  out.blocks.emplace_back(table);
  out.blocks.emplace_back(plot);
  out.blocks.emplace_back(report::Paragraph{nn::concat(
      "**", within, " of ", runs.size(), "** configurations are within ", number(tolerance),
      " points of the reference in every round; the largest "
      "difference is ",
      percent(worst), ".")});
  return out;
}

}  // namespace federated
