#include "tools/federated/outputs.h"

#include <filesystem>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace federated {

namespace fs = std::filesystem;

namespace {

struct Place {
  std::string_view content;
  std::string path;
  bool is_folder = false;

  fs::path absolute() const {
    std::error_code ignored;
    const fs::path place = fs::weakly_canonical(fs::absolute(path, ignored), ignored);
    return place.has_filename() ? place : place.parent_path();  // without a slash at its end
  }
  // Whether what is written there would replace the other. /dev/null takes everything.
  bool excludes(const Place& other) const {
    std::error_code ignored;
    return content != other.content && !(is_folder && other.is_folder) &&
           absolute() == other.absolute() && !fs::is_other(absolute(), ignored);
  }
};

std::vector<Place> places_of(const Outputs& outputs) {
  std::vector<Place> places{{"CSV", outputs.csv},
                            {"JSON", outputs.json},
                            {"JSON", outputs.json_beside()},
                            {"the picture of the split", outputs.partition_svg},
                            {"the folder of the checkpoint", outputs.checkpoint, true},
                            {"the folder for TensorBoard", outputs.tensorboard, true}};
  std::erase_if(places, [](const Place& place) { return place.path.empty(); });
  return places;
}

}  // namespace

std::string Outputs::json_beside() const {
  std::error_code ignored;
  fs::path file = fs::weakly_canonical(csv, ignored);
  if (csv.empty() || fs::is_other(csv, ignored)) return "";
  file += file.extension() == ".csv" ? ".json" : ".csv.json";
  return json.empty() || fs::exists(file, ignored) ? file.string() : "";
}

void add_outputs(tools::Options& command, Outputs& outputs) {
  command
      .add("--csv", outputs.csv,
           nn::concat(outputs.is_full ? "file for the table" : "file for the notebook's table",
                      "; without --json, what that writes goes to FILE.json"))
      .not_empty();
  if (!outputs.is_full)
    command.add("--wall-time", outputs.has_wall_time, "add the column Wall time");
  command.add("--json", outputs.json, "file for everything that was measured").not_empty();
  command
      .add("--tensorboard", outputs.tensorboard,
           "folder for an event file with every measure by round")
      .not_empty();
  if (outputs.is_full)
    command.add("--partition-svg", outputs.partition_svg, "file for a picture of the split")
        .not_empty();
  command.add("--checkpoint", outputs.checkpoint, "folder to save the run in after every round")
      .not_empty();
  command.add("--resume", outputs.may_resume, "go on with the run that is there, if there is one");
}

void check(const Outputs& outputs) {
  if (outputs.may_resume && outputs.checkpoint.empty())
    throw nn::InputError("--resume does not say what", "name its folder: --checkpoint out/run");
  const std::vector<Place> places = places_of(outputs);
  for (std::size_t i = 0; i < places.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (places[i].excludes(places[j]))
        throw nn::InputError(nn::concat(places[i].path, " cannot be both ", places[j].content,
                                        " and ", places[i].content),
                             "give each a name of its own");
}

void require_writable(const Outputs& outputs) {
  for (const Place& place : places_of(outputs))
    if (place.is_folder)
      nn::require_writable_folder(place.path);
    else
      nn::require_writable_file(place.path);
}

}  // namespace federated
