#include "tools/homework/saved_run.h"

#include <ostream>
#include <sstream>

#include "nn/checkpoint.h"
#include "nn/engine.h"
#include "nn/file.h"
#include "tools/homework/results.h"

namespace homework {

namespace {

constexpr const char *weights_file = "weights.safetensors", *rounds_file = "rounds.txt";

}  // namespace

SavedRun::SavedRun(const std::filesystem::path& folder, bool may_resume, std::ostream& log)
    : path_(folder),
      lock_(folder, nn::FolderLock::short_patience),
      folder_(folder),
      may_resume_(may_resume),
      log_(log) {}

std::vector<fl::Round> SavedRun::restore(const std::string& run, fl::Server& server) {
  const auto warn = [this](const std::string& damage) { log_ << "warning: " << damage << '\n'; };
  const auto saved = folder_.newest(warn);
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
  for (const auto& [name, value] : nn::describe_engine())
    if (const auto before = saved->state.find(name);
        before != saved->state.end() && before->second != value)
      warn(nn::concat("the rounds in ", path_.string(), " were computed with ", name, ' ',
                      before->second, ", the next ones with ", value,
                      ": the last bits may not be those of one run"));
  const std::vector<fl::Round> rounds = parse_rounds(nn::read_file(saved->folder / rounds_file));
  nn::require(!rounds.empty() && rounds.back().number == saved->step, rounds_file, " of ",
              saved->folder.string(), " does not end with round ", saved->step);
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
    nn::require(!fields.fail(), "\"", line, "\" is no round");
  }
  return rounds;
}

}  // namespace homework
