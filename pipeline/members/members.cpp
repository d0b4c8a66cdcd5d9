#include "pipeline/members/members.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <span>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "pipeline/mailbox/mailbox.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds;

// Between two looks into the folder; more if there are many files.
constexpr milliseconds pause_of_waiting{10}, pause_beside_training{100}, pause_of_process{1};
constexpr const char* end_file = "end";

}  // namespace

std::string Members::random_id() {
  std::random_device random;
  return nn::concat(std::hex, random(), random());
}

Members::Members(Options options)
    : options_(std::move(options)),
      folder_(*options_.folder),
      own_file_(nn::concat(prefix, options_.seat, '-', options_.id)),
      interval_(std::clamp(options_.heartbeat / 8, milliseconds(20), milliseconds(1000))) {
  presence_.seat = options_.seat;
  presence_.id = options_.id;
  presence_.port = options_.ports->own();
  do {  // again if another process has just removed the folder
    if (folder_.exists()) folder_.clear_away([this] { return is_deserted(options_.begins_anew); });
    folder_.make();
    tell(presence_);
  } while (write_error_ == ENOENT && !folder_.exists());
  beats_ = folder_.repeat(interval_, [this] { beat(); });
}

Members::~Members() {
  beats_.reset();
  folder_.remove(own_file_);
  try {
    folder_.clear_away([this] { return is_deserted(false); });
  } catch (...) {  // the next run clears it away
  }
}

// Once the run has ended, or was killed after it had begun, and its processes have ended, too. The
// last one removes the folder, or else the first of the next run. Processes that cannot be reached
// may still have to learn how the run ended, unless their machine is lost and their files do not
// change.
bool Members::is_deserted(bool counts_killed) {
  const bool was_killed = counts_killed && folder_.has(file_of_epoch(1));
  if (how_it_ended().empty() && !was_killed) return false;
  const std::map<std::string, std::string> texts = texts_of_all();
  std::vector<Presence> all;
  for (const auto& [name, text] : texts)
    if (const std::optional<Presence> presence = parse_presence(text)) all.push_back(*presence);
  const std::vector<PortState> answers = answers_of(all, milliseconds(100));
  if (std::ranges::count(answers, PortState::open) > 0) return false;
  if (std::ranges::count(answers, PortState::silent) > 0) folder_.sleep(longest_silence());
  return texts_of_all() == texts;  // nobody has come meanwhile either
}

bool Members::has_others_at_work() {
  std::vector<Presence> others = look();
  std::erase_if(others, [this](const Presence& p) { return p.id == id() || p.epoch == 0; });
  const std::vector<PortState> answers = answers_of(others, milliseconds(1000));
  return std::ranges::count(answers, PortState::open) > 0;
}

Presence Members::identity() const {
  return {
      .seat = presence_.seat, .id = presence_.id, .port = presence_.port, .terms = presence_.terms};
}

std::string Members::file_of_epoch(int number) { return nn::concat("epoch-", number); }

std::string Members::file_of_terms(const std::string& checksum) { return "terms-" + checksum; }

void Members::set_terms(const std::string& terms) {
  terms_ = terms;
  presence_.terms = nn::concat(std::hex, nn::crc32c(std::as_bytes(std::span(terms))));
  folder_.create(file_of_terms(presence_.terms), terms);  // for messages: it may fail
}

void Members::require_terms_of_members(const std::vector<Presence>& alive) const {
  for (const Presence& each : alive)
    if (last_.rank_of(each.id) >= 0 && each.terms != presence_.terms)
      require_same_terms(nn::concat("rank ", each.seat), folder_.read(file_of_terms(each.terms)),
                         terms_);
}

// A run that has begun does not end because one rank cannot write. It may have ended without one
// that could not be reached.
void Members::cannot_write(const std::string& name, int error) const {
  std::string what = missing_folder();
  if (what.empty())
    what =
        nn::concat("cannot write ", (folder_.path() / name).string(), ": ", std::strerror(error));
  if (last_.number > 0) throw nn::Error(what);
  throw nn::InputError(what, "all ranks must be able to write there");
}

std::string Members::missing_folder() const {
  if (folder_.exists()) return "";
  return nn::concat("rank ", options_.seat, " can no longer find ", folder_.path().string(),
                    ": the run has probably ended without it");
}

// Makes a file with this content, unless it exists.
void Members::create(const std::string& name, const std::string& text) const {
  const int error = folder_.create(name, text);
  if (error != 0 && error != EEXIST) cannot_write(name, error);
}

void Members::write_presence() {
  write_error_ = folder_.write(own_file_, nn::concat(told_, "beat ", ++beat_count_, '\n'));
}

void Members::tell(Presence presence) {
  presence_ = std::move(presence);
  const std::lock_guard lock(mutex_);
  told_ = to_text(presence_);
  write_presence();
}

void Members::beat() {
  const std::lock_guard lock(mutex_);
  write_presence();
  options_.ports->clear();
  if (is_outdated()) is_over_ = true;
}

bool Members::is_outdated() const { return folder_.has(file_of_epoch(attended_ + 1)); }

void Members::read_epochs() {
  for (;;) {
    const std::optional<Epoch> next = parse_epoch(folder_.read(file_of_epoch(last_.number + 1)));
    if (!next || next->number != last_.number + 1) return;
    last_ = *next;
  }
}

std::optional<Epoch> Members::agree(const std::optional<State>& state) {
  Presence own = identity();
  own.epoch = attended_, own.is_waiting = true;
  if (state)
    own.done = state->done, own.is_prepared = state->is_prepared, own.result = state->result;
  tell(own);
  Clock::duration waited{}, undecided{};  // the latter only while not all members train
  Clock::time_point last_turn = folder_.now();
  for (milliseconds pause = pause_of_waiting;; folder_.sleep(pause)) {
    const auto [whole, awake] = end_turn(folder_, last_turn, longest_silence());
    waited += awake, undecided += awake;
    if (whole > awake)  // it was suspended: others may need as much time as usual to write again
      for (auto& [other, seen] : seen_) seen.changed = last_turn;
    if (!how_it_ended().empty()) return {};
    if (options_.stop && *options_.stop && (!state || waited > 2 * options_.heartbeat))
      throw Mailbox::Stopped();
    const int before = last_.number;
    read_epochs();
    if (last_.number > before) waited = undecided = {};
    if (last_.number > attended_ && (state || last_.rank_of(id()) >= 0)) {
      {
        const std::lock_guard lock(mutex_);
        attended_ = last_.number, is_over_ = false;
      }
      attended_since_ = folder_.now();
      Presence member = identity();
      member.epoch = last_.number, member.unreached = presence_.unreached;
      tell(std::move(member));
      return last_;
    }
    std::vector<Presence> others = look();
    std::erase_if(others, [this](const Presence& each) { return each.id == id(); });
    probe(others);
    const std::vector<Presence> alive = look();
    if (!state) require_terms_of_members(alive);
    if (do_members_train(last_, alive)) undecided = {};
    // A full disk may have room again.
    const bool may_fail = last_.number > 0 && waited < 2 * options_.patience;
    if (write_error_ != 0 && !may_fail) cannot_write(own_file_, write_error_);
    const bool is_late = undecided > options_.patience;
    if (const auto next = next_epoch(last_, options_.shape, alive, is_late)) try {
        create(file_of_epoch(next->number), to_text(*next));
      } catch (const nn::Error&) {
        if (!may_fail) throw;
      }
    require_hope(alive, undecided);
    const bool others_train =
        !state && std::ranges::any_of(alive, [](const Presence& p) { return !p.is_waiting; });
    pause =
        (others_train ? pause_beside_training : pause_of_waiting) + alive.size() * pause_of_process;
  }
}

void Members::end(const std::string& how) { create(end_file, how); }

std::string Members::how_it_ended() const { return folder_.read(end_file); }

}  // namespace pipeline
