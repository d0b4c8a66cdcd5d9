#include "pipeline/mailbox/meeting.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <system_error>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/shared_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{10}, longest_pause{250}, longest_look{1000};

std::uint64_t new_call() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) >> 2 | 1;
}

// 0 for other text.
std::uint64_t parse_call(const std::string& text) {
  return nn::parse_number<std::uint64_t>(text).value_or(0);
}

class Round {
 public:
  Round(SharedFolder& folder, int rank, int ranks, Answer own)
      : folder_(folder), rank_(rank), ranks_(ranks), own_(std::move(own)) {
    if (rank != 0) return;
    folder.make();
    answer(new_call());
    require_written("call", folder.write("call", std::to_string(own_.call)));
  }

  // Answers rank 0's call and, on rank 0, collects the answers. Every rank's once all have come;
  // empty before.
  std::vector<Answer> look() {
    if (rank_ == 0 && have_all_answered()) publish();
    if (rank_ != 0 && folder_.exists()) answer(parse_call(folder_.read("call")));
    std::istringstream all(folder_.read("all"));
    std::vector<Answer> answers;
    for (std::string line; std::getline(all, line);) {
      const std::optional<Answer> answer = to_this_call(line);
      if (!answer) return {};
      answers.push_back(*answer);
    }
    const bool is_ours = static_cast<int>(answers.size()) == ranks_ && answers[rank_] == own_;
    return is_ours ? answers : std::vector<Answer>();
  }

  // The ranks that this one waits for: rank 0 if it does not call, or those that have not answered.
  std::vector<int> awaited() {
    std::vector<int> ranks = missing();
    if (!answers_.contains(0) || ranks.empty()) ranks = {0};
    return ranks;
  }

 private:
  static std::string file_of(int rank) { return nn::concat("rank-", rank); }

  // Nothing for a line that does not answer it.
  std::optional<Answer> to_this_call(const std::string& line) const {
    const std::optional<Answer> answer = parse_answer(line);
    return answer && answer->call == own_.call ? answer : std::nullopt;
  }

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
      if (const auto answer = to_this_call(folder_.read(file_of(rank))))
        answers_[rank] = *answer;
      else
        ranks.push_back(rank);
    }
    return ranks;
  }

  void answer(std::uint64_t call) {
    if (call == 0 || call == own_.call) return;
    own_.call = call;
    answers_.clear();
    const int error = folder_.write(file_of(rank_), to_text(own_));
    if (error == ENOENT && rank_ != 0)
      own_.call = 0;  // rank 0 has just removed the folder
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
    for (const auto& [rank, answer] : answers_) text += to_text(answer) + '\n';
    require_written("all", folder_.write("all", text));
  }

  SharedFolder& folder_;
  int rank_, ranks_;
  Answer own_;  // with the present call; 0: none yet
  std::map<int, Answer> answers_;
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

std::string to_text(const Answer& answer) {
  return nn::concat(answer.call, ' ', answer.address, ' ', answer.key);
}

std::optional<Answer> parse_answer(const std::string& line) {
  std::istringstream text(line);
  std::string call;
  Answer answer;
  text >> call >> answer.address >> answer.key;
  answer.call = parse_call(call);
  return answer.call != 0 && is_key(answer.key) ? std::optional(answer) : std::nullopt;
}

std::vector<Answer> exchange_answers(SharedFolder& folder, int rank, int ranks, Answer own,
                                     milliseconds patience, const std::atomic<bool>* stop) {
  Round round(folder, rank, ranks, std::move(own));
  SharedFolder::Clock::duration waited{};
  SharedFolder::Clock::time_point last_turn = folder.now();
  std::vector<Answer> answers = round.look();
  for (milliseconds pause = first_pause; answers.empty(); answers = round.look()) {
    if (stop && *stop) throw Mailbox::Stopped();
    waited += end_turn(folder, last_turn, longest_look).awake;
    if (waited >= patience) throw NotMet(folder.path(), rank, patience, round.awaited());
    folder.sleep(pause);
    pause = std::min(pause * 3 / 2, longest_pause);
  }
  return answers;
}

Meeting meet_in(const fs::path& folder, int rank, int ranks, const std::vector<int>& links,
                const std::string& host, milliseconds patience, const std::atomic<bool>* stop) {
  Meeting meeting;
  const auto [public_key, secret] = new_key_pair();
  meeting.listener = listen_at(host);
  std::vector<Answer> answers;
  try {
    answers =
        exchange_answers(*shared_folder(folder), rank, ranks,
                         {.address = meeting.listener.address, .key = public_key}, patience, stop);
  } catch (const Mailbox::Stopped&) {
    const MeetingRemoval removal(rank == 0 ? folder : "");
    throw;
  }
  meeting.run = answers[rank].call;
  meeting.addresses.resize(ranks);
  meeting.keys = {secret, std::vector<std::string>(ranks)};
  const auto take = [&](int other) {
    meeting.addresses[other] = answers[other].address;
    meeting.keys.public_keys[other] = answers[other].key;
  };
  take(rank);
  std::ranges::for_each(links, take);
  return meeting;
}

MeetingRemoval::~MeetingRemoval() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace pipeline
