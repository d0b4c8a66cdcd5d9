#include "pipeline/schedules/schedule_csv.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "nn/base/printable.h"
#include "nn/base/split.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {

namespace {

constexpr int most_parts_of_file = 1 << 18, most_microbatches = 1 << 16;

struct Cell {
  int part, microbatch;
  bool is_forward, has_backward, has_weights;
};

// Nothing for a cell without an action. Throws nn::Error for other text.
std::optional<Cell> parse_cell(std::string_view text) {
  constexpr std::string_view digits = "0123456789", blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  text = text.substr(first, text.find_last_not_of(blanks) + 1 - first);
  const auto begin = std::min(text.find_first_not_of(digits), text.size());
  const auto end = text.find_last_not_of(digits) + 1;
  const std::string_view kind = text.substr(begin, std::max(begin, end) - begin);
  const auto part = nn::parse_number<int>(text.substr(0, begin));
  const auto microbatch = nn::parse_number<int>(text.substr(begin + kind.size()));
  constexpr std::array others{"SEND_F",  "RECV_F",  "SEND_B",     "RECV_B",
                              "UNSHARD", "RESHARD", "REDUCE_GRAD"};
  if (part && std::ranges::find(others, kind) != others.end()) return {};
  nn::require(part && microbatch && *part < most_parts_of_file && *microbatch < most_microbatches &&
                  kind.size() == 1 && std::string_view("FIWB").find(kind) != kind.npos,
              '"', nn::printable(text, 40), "\" is not an action");
  return Cell{*part, *microbatch, kind == "F", kind == "I" || kind == "B",
              kind == "W" || kind == "B"};
}

// The actions of all rows, and where each part is.
struct Rows {
  std::vector<std::vector<Cell>> cells;
  std::map<int, int> stage_of_part;
  std::size_t actions = 0;
  int microbatches = 0;
};

void read_cell(std::string_view text, Rows& rows) {
  const std::optional<Cell> cell = parse_cell(text);
  if (!cell) return;
  const int stage = static_cast<int>(rows.cells.size()) - 1;
  const int owner = rows.stage_of_part.try_emplace(cell->part, stage).first->second;
  nn::require(owner == stage, "part ", cell->part, " is in row ", owner + 1, ", too");
  rows.cells.back().push_back(*cell);
  rows.actions += cell->is_forward + cell->has_backward + cell->has_weights;
  rows.microbatches = std::max(rows.microbatches, cell->microbatch + 1);
}

Rows read_rows(std::string_view text, const std::string& name) {
  Rows rows;
  int line = 0, column = 0;
  try {
    for (const std::string& row : nn::split(text, '\n')) {
      ++line, column = 0;
      if (row.find_first_not_of(" \t\r") == row.npos) continue;
      rows.cells.emplace_back();
      for (const std::string& cell : nn::split(row, ',')) {
        ++column;
        read_cell(cell, rows);
      }
    }
  } catch (const nn::Error& error) {
    throw nn::InputError(
        nn::concat(name, ", line ", line, ", cell ", column, ": ", error.what()),
        "a cell is a part of the model, F, I, W or B, and a microbatch: 0F0; each part is in one "
        "row");
  }
  return rows;
}

// Throws std::invalid_argument unless parts 0, 1, ... are dealt out evenly.
Placement placement_from(const Rows& rows) {
  std::vector<int> stage_of_part;
  for (const auto& [part, stage] : rows.stage_of_part) {
    if (part != static_cast<int>(stage_of_part.size()))
      throw std::invalid_argument(nn::concat("there is no part ", stage_of_part.size()));
    stage_of_part.push_back(stage);
  }
  Placement placement(std::move(stage_of_part));
  if (placement.stages() != static_cast<int>(rows.cells.size()))
    throw std::invalid_argument("the last row has no action");
  return placement;
}

Schedule list_of(const std::vector<Cell>& cells, const Placement& placement) {
  Schedule list;
  std::vector<std::set<int>> due(placement.chunks());  // microbatches whose weights have come
  std::vector<int> next(placement.chunks());
  for (const auto& [part, microbatch, is_forward, has_backward, has_weights] : cells) {
    const int chunk = placement.chunk(part);
    if (is_forward) list.push_back({Work::forward, microbatch, chunk});
    if (has_backward) list.push_back({Work::backward, microbatch, chunk});
    if (has_weights) due[chunk].insert(microbatch);
    for (; due[chunk].erase(next[chunk]) > 0; ++next[chunk])
      list.push_back({Work::weights, next[chunk], chunk});
  }
  return list;
}

}  // namespace

Plan parse_schedule_csv(std::string_view text, const std::string& name) {
  const Rows rows = read_rows(text, name);
  try {
    Plan plan{placement_from(rows), rows.microbatches, {}};
    const std::size_t needed = std::size_t{3} * plan.placement.parts() * plan.microbatches;
    if (rows.actions != needed)
      throw std::invalid_argument(nn::concat(rows.actions, " actions; ", plan.placement.parts(),
                                             " parts and ", plan.microbatches,
                                             " microbatches have ", needed));
    for (const auto& cells : rows.cells) plan.stages.push_back(list_of(cells, plan.placement));
    simulate(plan, uniform_costs(plan.placement.stages(), plan.placement.chunks()));
    return plan;
  } catch (const std::invalid_argument& error) {
    throw nn::InputError(nn::concat(name, ": ", error.what()),
                         "every part of the model does F, I and W, or F and B, once for each "
                         "microbatch, in an order that can be kept");
  }
}

std::string to_csv(const Plan& plan) {
  std::string csv;
  for (int stage = 0; stage < plan.placement.stages(); ++stage) {
    const Schedule& list = plan.stages[stage];
    std::string row;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto [work, microbatch, chunk] = list[i];
      const bool is_whole = work == Work::backward && i + 1 < list.size() &&
                            list[i + 1] == Action{Work::weights, microbatch, chunk};
      const char kind = work == Work::forward ? 'F' : work == Work::weights ? 'W' : 'I';
      row += nn::concat(row.empty() ? "" : ",", plan.placement.part(stage, chunk),
                        is_whole ? 'B' : kind, microbatch);
      i += is_whole;
    }
    csv += row + '\n';
  }
  return csv;
}

}  // namespace pipeline
