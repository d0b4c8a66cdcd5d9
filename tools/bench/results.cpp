#include "tools/bench/results.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "nn/base/error.h"
#include "tools/report/axis.h"

namespace bench {

namespace {

// Three digits or more.
std::string number(double value) {
  return report::fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

std::string optional(const std::optional<double>& value, auto text) {
  return value ? text(*value) : "";
}

}  // namespace

report::Table to_table(std::span<const Result> results, bool has_peer) {
  report::Table table{"", {"Work", "Unit", "Tributary", "PyTorch", "Ratio", "Limit, %"}, {}};
  if (!has_peer) table.header.erase(table.header.begin() + 3, table.header.begin() + 5);
  for (const Result& result : results)
    for (const Reading& reading : result.readings) {
      auto& row = table.rows.emplace_back();
      row = {reading.text, reading.unit, number(reading.of(result.cost))};
      if (has_peer) {
        row.push_back(result.peer_cost ? number(reading.of(*result.peer_cost)) : result.peer);
        row.push_back(optional(result.ratio(), [](double r) { return report::fixed(r, 2); }));
      }
      row.push_back(
          optional(result.limit_share(), [](double s) { return report::fixed(100 * s, 0); }));
    }
  return table;
}

std::string describe(const Machine& machine, double peak_flops) {
  std::string text =
      nn::concat(machine.date, ", ", machine.cores, machine.cores == 1 ? " core" : " cores", " of ",
                 machine.processor, ", ", machine.blas, ", ", machine.version);
  if (!machine.peer.empty())
    text += nn::concat(", ", machine.peer,
                       " in turns with it, the best of 1 thread and all, that sleep or spin; "
                       "ratio: how many times "
                       "better");
  text += ". Limit: what cut, schedule and cores allow a pipeline";
  if (peak_flops > 0)
    text += nn::concat("; the multiplications at all cores' SGEMM, ",
                       report::fixed(peak_flops / 1e9, 0), " GFLOP/s, for the rest");
  return text + ".";
}

std::string to_markdown(std::span<const Result> results, const Machine& machine,
                        double peak_flops) {
  const report::Table table = to_table(results, !machine.peer.empty());
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + (cell.empty() ? "|" : " |");
    return text + "\n";
  };
  std::string text = describe(machine, peak_flops) + "\n\n" + line(table.header);
  for (std::size_t column = 0; column < table.header.size(); ++column)
    text += column < 2 ? "| --- " : "| ---: ";
  text += "|\n";
  for (const auto& row : table.rows) text += line(row);
  return text;
}

std::string to_json(std::span<const Result> results, const Machine& machine, double peak_flops) {
  using nlohmann::ordered_json;
  ordered_json json{{"date", machine.date},         {"processor", machine.processor},
                    {"cores", machine.cores},       {"openblas", machine.blas},
                    {"tributary", machine.version}, {"sgemm_gflops", peak_flops / 1e9}};
  if (!machine.peer.empty()) json["peer"] = machine.peer;
  for (const Result& result : results)
    for (const Reading& reading : result.readings) {
      ordered_json row{{"job", result.name},
                       {"work", reading.text},
                       {"unit", reading.unit},
                       {"tributary", reading.of(result.cost)}};
      if (result.peer_cost) {
        row["pytorch"] = reading.of(*result.peer_cost);
        row["pytorch_with"] = result.peer;
        row["ratio"] = *result.ratio();
      }
      if (result.limit) row["limit"] = reading.of(*result.limit);
      json["results"].push_back(row);
    }
  return json.dump(2) + "\n";
}

}  // namespace bench
