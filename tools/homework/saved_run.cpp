#include "tools/homework/saved_run.h"

#include <ostream>
#include <sstream>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "nn/files/engine.h"
#include "tools/homework/results.h"

namespace homework {

namespace {

constexpr const char *weights_file = "weights.safetensors", *rounds_file = "rounds.txt";

std::vector<fl::Round> rounds_of(const nn::CheckpointFolder::Saved& saved) {
  const std::filesystem::path file = saved.folder / rounds_file;
  try {
    std::vector<fl::Round> rounds = parse_rounds(nn::read_file(file));
    nn::require(!rounds.empty() && rounds.back().number == saved.step,
                "it does not end with round ", saved.step);
    return rounds;
  } catch (const nn::Error& error) {
    throw nn::InputError(nn::concat(file.string(), " is damaged: ", error.what()),
                         "remove the folder if nothing can be done about it");
  }
}

}  // namespace

SavedRun::SavedRun(const std::filesystem::path& folder, bool may_resume, std::ostream& log)
    : path_(folder),
      lock_(folder, nn::FolderLock::short_patience),
      folder_(folder),
      may_resume_(may_resume),
      log_(log) {}

std::vector<fl::Round> SavedRun::restore(const std::string& run, fl::Server& server) {
  const auto warn = [this](const std::string& damage) { log_ << "warning: " << damage << '\n'; };
  std::vector<fl::Round> rounds;
  const auto saved = folder_.newest(
      warn, [&](const nn::CheckpointFolder::Saved& found) { rounds = rounds_of(found); });
  if (!saved) return {};
  if (!may_resume_)
    throw nn::InputError(nn::concat(path_.string(), " has a run up to round ", saved->step),
                         "go on with it by --resume, or choose another folder");
  const auto found = saved->state.find("run");
  if (found == saved->state.end() || found->second != run)
    throw nn::InputError(
        nn::concat(path_.string(), " has another run: ",
                   found == saved->state.end() ? "unknown" : found->second, ", not ", run),
        "resume it with the options that it was started with");
  for (const std::string& difference : nn::engine_differences(saved->state))
    log_ << "note: the run was saved with " << difference << ": the same but for rounding\n";
  nn::load_parameters(saved->folder / weights_file, server.model().parameters());
  server.resume(rounds.back());
  return rounds;
}

void SavedRun::save(const std::string& run, const std::vector<fl::Round>& rounds,
                    fl::Server& server) {
  const int step = rounds.back().number;
  const nn::SafetensorsContent weights(server.model().parameters());
  std::vector<nn::CheckpointFolder::File> files{folder_.write(step, weights_file, weights.parts()),
                                                folder_.write(step, rounds_file, to_text(rounds))};
  nn::Metadata state = nn::describe_engine();
  state["run"] = run;
  folder_.complete(step, std::move(files), state);
}

std::string to_text(const std::vector<fl::Round>& rounds) {
  std::ostringstream text;
  for (const fl::Round& round : rounds) {
    text << "round " << round.number << ' ' << number(round.accuracy) << ' ' << round.messages
         << ' ' << number(round.ideal_seconds) << ' ' << number(round.seconds) << ' '
         << round.chosen << '\n';
    for (const fl::LeftOut& out : round.left_out)
      text << "left_out " << out.client << ' ' << out.reason << '\n';
  }
  return text.str();
}

std::vector<fl::Round> parse_rounds(const std::string& text) {
  std::vector<fl::Round> rounds;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string kind;
    fields >> kind;
    if (kind == "round") {
      fl::Round& round = rounds.emplace_back();
      fields >> round.number >> round.accuracy >> round.messages >> round.ideal_seconds >>
          round.seconds >> round.chosen;
    } else {
      nn::require(kind == "left_out" && !rounds.empty(), "\"", line, "\" is no round");
      fl::LeftOut& out = rounds.back().left_out.emplace_back();
      std::getline(fields >> out.client >> std::ws, out.reason);
    }
    nn::require(!fields.fail() && (fields >> std::ws).eof() &&
                    rounds.back().number == static_cast<int>(rounds.size()),
                "\"", line, "\" is no round, or not the next one");
  }
  return rounds;
}

}  // namespace homework
