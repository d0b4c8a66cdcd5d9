#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/trace.h"

// Traces as files: CSV tables, and JSON for Chrome's and Perfetto's viewers.
namespace training {

struct RankEvent {
  int rank;
  pipeline::Event event;
};

// CSV: Rank,Kind,Step,Item,Chunk,Start,End, in seconds.
void write_trace(const std::filesystem::path& file, const std::vector<RankEvent>& events);
// Throws nn::InputError quoting the line that is not such a row.
std::vector<RankEvent> read_trace(const std::filesystem::path& file);
// The same from memory; complaints call it `name`.
std::vector<RankEvent> parse_trace(const std::string& text, const std::string& name);

// Chrome's Trace Event Format: one process per rank, times from `start` on.
std::string to_chrome_json(const std::vector<RankEvent>& events, double start);

// The time that a rank computed (forward, backward, weights, update) between two times, in seconds.
double busy_seconds(const std::vector<RankEvent>& events, int rank, double start, double end);

}  // namespace training
