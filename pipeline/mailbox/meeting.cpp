#include "pipeline/mailbox/meeting.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/shared_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{10}, longest_pause{250}, longest_look{1000};

// One rank's line.
struct Answer {
  std::string call, address, key;
};

std::optional<Answer> parse(const std::string& line) {
  std::istringstream text(line);
  Answer answer;
  if (!(text >> answer.call >> answer.address >> answer.key) || !is_key(answer.key)) return {};
  return answer;
}

std::string new_call() {
  std::random_device random;
  return std::to_string((std::uint64_t{random()} << 32 | random()) >> 2);
}

class Round {
 public:
  Round(SharedFolder& folder, int rank, int ranks, std::string own)
      : folder_(folder), rank_(rank), ranks_(ranks), own_(std::move(own)) {
    if (rank != 0) return;
    folder.make();
    answer(new_call());
    require_written("call", folder.write("call", call_));
  }

  // Answers rank 0's call and, on rank 0, collects the answers. Every rank's line once all have
  // come; empty before.
  std::vector<std::string> look() {
    if (rank_ == 0 && have_all_answered()) publish();
    if (rank_ != 0 && folder_.exists()) answer(folder_.read("call"));
    std::istringstream all(folder_.read("all"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(all, line);) lines.push_back(line);
    const bool is_ours = static_cast<int>(lines.size()) == ranks_ && lines[rank_] == own_line();
    return is_ours ? lines : std::vector<std::string>();
  }

  // The ranks that this one waits for: rank 0 if it does not call, or those that have not answered.
  std::vector<int> awaited() {
    std::vector<int> ranks = missing();
    if (!answers_.contains(0) || ranks.empty()) ranks = {0};
    return ranks;
  }

 private:
  static std::string file_of(int rank) { return nn::concat("rank-", rank); }
  std::string own_line() const { return call_ + ' ' + own_; }

  // Reads the answers again once all are there: a rank that was replaced meanwhile has a new one.
  bool have_all_answered() {
    if (!missing().empty()) return false;
    answers_.clear();
    return missing().empty();
  }

  // Ranks that have not answered the present call.
  std::vector<int> missing() {
    std::vector<int> ranks;
    for (int rank = 0; rank < ranks_; ++rank) {
      if (answers_.contains(rank)) continue;
      const std::string line = folder_.read(file_of(rank));
      const std::optional<Answer> answer = parse(line);
      if (answer && answer->call == call_)
        answers_[rank] = line;
      else
        ranks.push_back(rank);
    }
    return ranks;
  }

  void answer(const std::string& call) {
    if (call.empty() || call == call_) return;
    call_ = call;
    answers_.clear();
    const int error = folder_.write(file_of(rank_), own_line());
    if (error == ENOENT && rank_ != 0)
      call_.clear();  // rank 0 has just removed the folder
    else
      require_written(file_of(rank_), error);
  }

  void require_written(const std::string& name, int error) const {
    if (error == 0) return;
    throw nn::InputError(
        nn::concat("cannot write ", (folder_.path() / name).string(), ": ", std::strerror(error)),
        "all ranks must be able to write there");
  }

  void publish() {
    std::string text;
    for (const auto& [rank, line] : answers_) text += line + '\n';
    require_written("all", folder_.write("all", text));
  }

  SharedFolder& folder_;
  int rank_, ranks_;
  std::string own_, call_;
  std::map<int, std::string> answers_;
};

std::string complaint(const fs::path& folder, int rank, milliseconds patience,
                      const std::vector<int>& missing) {
  std::vector<std::string> names;
  for (const int other : missing) names.push_back(std::to_string(other));
  return nn::concat("rank ", rank, " waited ", static_cast<double>(patience.count()) / 1000,
                    " s in ", folder.string(), " for rank ", nn::join(names));
}

}  // namespace

NotMet::NotMet(const fs::path& folder, int rank, milliseconds patience, std::vector<int> missing)
    : PeerLost(complaint(folder, rank, patience, missing),
               complaint(folder, rank, patience, missing)),
      missing(std::move(missing)) {}

std::vector<std::string> exchange_lines(SharedFolder& folder, int rank, int ranks,
                                        const std::string& own, milliseconds patience,
                                        const std::atomic<bool>* stop) {
  Round round(folder, rank, ranks, own);
  SharedFolder::Clock::duration waited{};
  SharedFolder::Clock::time_point last_turn = folder.now();
  std::vector<std::string> lines = round.look();
  for (milliseconds pause = first_pause; lines.empty(); lines = round.look()) {
    if (stop && *stop) throw Mailbox::Stopped();
    waited += end_turn(folder, last_turn, longest_look).awake;
    if (waited >= patience) throw NotMet(folder.path(), rank, patience, round.awaited());
    folder.sleep(pause);
    pause = std::min(pause * 3 / 2, longest_pause);
  }
  return lines;
}

Meeting meet_in(const fs::path& folder, int rank, int ranks, const std::vector<int>& links,
                const std::string& host, milliseconds patience, const std::atomic<bool>* stop) {
  Meeting meeting;
  const auto [public_key, secret] = new_key_pair();
  meeting.listener = listen_at(host);
  const std::vector<std::string> lines =
      exchange_lines(*shared_folder(folder), rank, ranks,
                     meeting.listener.address + ' ' + public_key, patience, stop);
  meeting.addresses.resize(ranks);
  meeting.keys = {secret, std::vector<std::string>(ranks)};
  const auto take = [&](int other) {
    const Answer answer = parse(lines[other]).value();
    meeting.run = std::stoull(answer.call);
    meeting.addresses[other] = answer.address;
    meeting.keys.public_keys[other] = answer.key;
  };
  take(rank);
  std::ranges::for_each(links, take);
  return meeting;
}

}  // namespace pipeline
