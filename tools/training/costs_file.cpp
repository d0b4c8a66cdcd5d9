#include "tools/training/costs_file.h"

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"
#include "tools/training/command_line.h"

namespace training {

namespace {

using nlohmann::json, nlohmann::ordered_json;
using pipeline::BlockWork, pipeline::ChunkWork, pipeline::Link, pipeline::StageMemory;

constexpr const char* how_to_record = "record costs with tools/pipeline.sh 4 --steps 10";
constexpr double largest = 1e15;
constexpr int most_entries = 1 << 16;  // chunks of a stage, blocks of a chunk

// Reads numbers of an object; a missing or unfit one throws nn::InputError with its name.
class Fields {
 public:
  Fields(const json& object, const std::string& what) : object_(object), what_(what) {
    if (!object.is_object()) refuse(nn::concat("has ", nn::json_shown(object), " as an entry"));
  }
  double number(const char* name, double most = largest) const {
    return checked(name, at(name), most);
  }
  double checked(const char* name, const json& value, double most = largest) const {
    if (!value.is_number() || !(0 <= value.get<double>() && value.get<double>() <= most))
      refuse(nn::concat(name, " is ", nn::json_shown(value)));
    return value.get<double>();
  }
  int count(const char* name, int least, int most) const {
    const double value = number(name, most);
    if (value < least || value != std::floor(value))
      refuse(nn::concat(name, " is ", nn::json_shown(at(name))));
    return static_cast<int>(value);
  }
  const json& list(const char* name) const {
    const json& value = at(name);
    if (!value.is_array() || value.size() > most_entries)
      refuse(nn::concat(name, " is not a list"));
    return value;
  }
  bool has(const char* name) const { return object_.contains(name); }
  const json& at(const char* name) const {
    if (!has(name)) refuse(nn::concat("has no ", name));
    return object_[name];
  }
  [[noreturn]] void refuse(const std::string& complaint) const {
    throw nn::InputError(nn::concat(what_, ": ", complaint), how_to_record);
  }

 private:
  const json& object_;
  const std::string& what_;
};

ordered_json json_of(const Link& link) {
  return {{"latency", link.latency}, {"seconds_per_byte", link.seconds_per_byte}};
}

Link link_of(const json& object, const std::string& name) {
  const Fields fields(object, name);
  return {fields.number("latency"), fields.number("seconds_per_byte")};
}

ordered_json json_of(const BlockWork& block) {
  return {{"block", block.number},
          {"share", block.share},
          {"update", block.update},
          {"bytes", block.bytes},
          {"tied_bytes", block.tied_bytes}};
}

BlockWork block_of(const json& object, const std::string& name) {
  const Fields fields(object, name);
  return {fields.count("block", 0, most_entries), fields.number("share", 1),
          fields.number("update"), fields.number("bytes"), fields.number("tied_bytes")};
}

ordered_json json_of(const ChunkWork& chunk) {
  ordered_json object{{"forward", chunk.costs.forward},
                      {"backward", chunk.costs.backward},
                      {"weights", chunk.costs.weights},
                      {"blocks", ordered_json::array()}};
  for (const BlockWork& block : chunk.blocks) object["blocks"].push_back(json_of(block));
  if (!chunk.rows) return object;
  object["scores"] = chunk.costs.scores;
  object["head"] = chunk.costs.head;
  object["rows"] = json_of(*chunk.rows);
  return object;
}

ChunkWork chunk_of(const json& object, const std::string& name) {
  const Fields fields(object, name);
  ChunkWork chunk{{fields.number("forward"), fields.number("backward"), fields.number("weights")},
                  {}};
  for (const json& block : fields.list("blocks")) chunk.blocks.push_back(block_of(block, name));
  if (!fields.has("rows")) return chunk;
  chunk.costs.scores = fields.number("scores");
  chunk.costs.head = fields.number("head");
  chunk.rows = block_of(fields.at("rows"), name);
  return chunk;
}

ordered_json json_of(const StageMemory& stage) {
  return {{"weights", stage.weights},
          {"rest", stage.rest},
          {"microbatch", stage.microbatch},
          {"peak", stage.peak}};
}

StageMemory memory_of(const json& object, const std::string& name, std::size_t chunks) {
  const Fields fields(object, name);
  StageMemory stage{.weights = fields.number("weights"),
                    .rest = fields.number("rest"),
                    .peak = fields.number("peak")};
  for (const json& bytes : fields.list("microbatch"))
    stage.microbatch.push_back(fields.checked("microbatch", bytes));
  if (stage.microbatch.size() != chunks) fields.refuse("microbatch has another number of chunks");
  return stage;
}

}  // namespace

std::string to_json(const MeasuredStep& step) {
  const pipeline::Cluster& cluster = step.cluster;
  ordered_json object{{"schedule", step.schedule},      {"microbatches", step.microbatches},
                      {"pipelines", step.pipelines},    {"activation_bytes", step.activation_bytes},
                      {"link", json_of(cluster.link)},  {"group_link", json_of(cluster.group_link)},
                      {"action", cluster.action},       {"adding", cluster.adding},
                      {"carrying", cluster.carrying},   {"spread", cluster.spread},
                      {"stages", ordered_json::array()}};
  for (const std::vector<ChunkWork>& chunks : step.stages) {
    ordered_json stage = ordered_json::array();
    for (const ChunkWork& chunk : chunks) stage.push_back(json_of(chunk));
    object["stages"].push_back(stage);
  }
  for (const StageMemory& stage : step.memory) object["memory"].push_back(json_of(stage));
  return object.dump(1) + '\n';
}

MeasuredStep parse_costs_json(std::string_view text, const std::string& name) {
  const json object = nn::parse_json_object(text, name, how_to_record);
  const Fields fields(object, name);
  MeasuredStep step;
  const json& schedule = fields.at("schedule");
  if (!schedule.is_string()) fields.refuse("schedule is not a name");
  step.schedule = schedule.get<std::string>();
  step.microbatches = fields.count("microbatches", 1, largest_count);
  step.pipelines = fields.count("pipelines", 1, largest_count);
  step.activation_bytes = fields.number("activation_bytes");
  step.cluster = {link_of(fields.at("link"), name), link_of(fields.at("group_link"), name),
                  fields.number("action"),          fields.number("adding"),
                  fields.number("carrying"),        fields.number("spread")};
  for (const json& chunks : fields.list("stages")) {
    if (!chunks.is_array() || chunks.empty() || chunks.size() > most_entries)
      fields.refuse("a stage is not a list of chunks");
    auto& stage = step.stages.emplace_back();
    for (const json& chunk : chunks) stage.push_back(chunk_of(chunk, name));
    if (stage.size() != step.stages[0].size()) fields.refuse("stages have different chunks");
  }
  if (step.stages.empty()) fields.refuse("there are no stages");
  if (step.stages.size() > largest_count) fields.refuse("there are too many stages");
  if (!fields.has("memory")) return step;
  for (const json& stage : fields.list("memory"))
    step.memory.push_back(memory_of(stage, name, step.stages[0].size()));
  if (step.memory.size() != step.stages.size()) fields.refuse("memory has other stages");
  return step;
}

MeasuredStep read_costs(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file))
    throw nn::InputError(nn::concat("there are no costs in ", file.string()), how_to_record);
  return parse_costs_json(nn::read_file(file), file.string());
}

}  // namespace training
