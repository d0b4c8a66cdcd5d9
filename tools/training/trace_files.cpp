#include "tools/training/trace_files.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>
#include <string_view>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"

namespace training {

namespace {

using pipeline::Event, pipeline::Kind;

constexpr std::string_view header = "Rank,Kind,Step,Item,Chunk,Start,End";
constexpr int most_ranks = 4096;
constexpr int most_steps = 1 << 30;  // and items, and chunks
constexpr double latest = 1e12;      // seconds
constexpr std::array kinds{Kind::forward, Kind::backward, Kind::weights, Kind::update, Kind::reduce,
                           Kind::send,    Kind::receive,  Kind::wait,    Kind::scores, Kind::head};

bool is_work(Kind kind) {
  return kind == Kind::forward || kind == Kind::backward || kind == Kind::weights ||
         kind == Kind::update || kind == Kind::scores || kind == Kind::head;
}

// Viewers expect the events of a thread to nest. A block's reduction overlaps with other work, so
// it gets a thread of its own.
int lane(const Event& event) { return event.kind == Kind::reduce ? 1 + event.item : 0; }

RankEvent parse_row(const std::string& line) {
  std::string text = line;
  std::ranges::replace(text, ',', ' ');
  std::istringstream row(text);
  RankEvent event{};
  std::string kind;
  row >> event.rank >> kind >> event.event.step >> event.event.item >> event.event.chunk >>
      event.event.start >> event.event.end;
  const auto known = std::ranges::find(kinds, kind, pipeline::name_of);
  nn::require(row && row.peek() == EOF && known != kinds.end(), "not a row of a trace");
  const auto& [work, step, item, chunk, start, end] = event.event;
  nn::require(event.rank >= 0 && event.rank < most_ranks && std::min({step, item, chunk}) >= 0 &&
                  std::max({step, item, chunk}) <= most_steps,
              "a rank, step, item or chunk is out of range");
  nn::require(-latest <= start && start <= end && end <= latest, "a time is out of range");
  event.event.kind = *known;
  return event;
}

}  // namespace

void write_trace(const std::filesystem::path& file, const std::vector<RankEvent>& events) {
  std::ostringstream csv;
  csv << header << '\n' << std::fixed << std::setprecision(7);
  for (const auto& [rank, event] : events)
    csv << rank << ',' << pipeline::name_of(event.kind) << ',' << event.step << ',' << event.item
        << ',' << event.chunk << ',' << event.start << ',' << event.end << '\n';
  nn::write_file_atomically(file, csv.str());
}

std::vector<RankEvent> read_trace(const std::filesystem::path& file) {
  return parse_trace(nn::read_file(file), file.string());
}

std::vector<RankEvent> parse_trace(const std::string& text, const std::string& name) {
  std::istringstream csv(text);
  std::vector<RankEvent> events;
  std::string line;
  std::getline(csv, line);
  try {
    nn::require(line == header, "not the header of a trace");
    while (std::getline(csv, line)) events.push_back(parse_row(line));
  } catch (const nn::Error& error) {
    throw nn::InputError(nn::concat(name, ": ", error.what(), ": ", nn::json_quote(line)),
                         "record it again with tools/pipeline.sh ... --trace");
  }
  return events;
}

std::string to_chrome_json(const std::vector<RankEvent>& events, double start) {
  std::ostringstream json;
  json << std::fixed << std::setprecision(1) << "{\"traceEvents\":[\n";
  int ranks = 0;
  for (const auto& [rank, event] : events) {
    ranks = std::max(ranks, rank + 1);
    json << R"({"name":")" << pipeline::name_of(event.kind) << ' ' << event.item
         << R"(","ph":"X","pid":)" << rank << R"(,"tid":)" << lane(event) << R"(,"ts":)"
         << (event.start - start) * 1e6 << R"(,"dur":)" << (event.end - event.start) * 1e6
         << R"(,"args":{"step":)" << event.step << R"(,"chunk":)" << event.chunk << "}},\n";
  }
  for (int rank = 0; rank < ranks; ++rank)
    json << (rank ? ",\n" : "") << R"({"name":"process_name","ph":"M","pid":)" << rank
         << R"(,"args":{"name":"rank )" << rank << "\"}}";
  json << "\n]}\n";
  return json.str();
}

double busy_seconds(const std::vector<RankEvent>& events, int rank, double start, double end) {
  double busy = 0;
  for (const auto& [other, event] : events)
    if (other == rank && is_work(event.kind))
      busy += std::max(0.0, std::min(event.end, end) - std::max(event.start, start));
  return busy;
}

}  // namespace training
