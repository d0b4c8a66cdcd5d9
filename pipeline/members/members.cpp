#include "pipeline/members/members.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <stop_token>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/mailbox/trusted_path.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Between two looks into the folder; more if there are many files.
constexpr milliseconds pause_of_waiting{10}, pause_beside_training{100}, pause_of_process{1};
constexpr milliseconds longest_clearing{1000};
constexpr const char* end_file = "end";

// Returns whether the file has all of the text; sets errno if not.
bool write_whole(const fs::path& file, const std::string& text) {
  errno = 0;
  return static_cast<bool>(std::ofstream(file, std::ios::binary) << text << std::flush);
}

std::string new_id() {
  std::random_device random;
  return nn::concat(std::hex, random(), random());
}

}  // namespace

Members::Members(Options options)
    : options_(std::move(options)),
      interval_(std::clamp(options_.heartbeat / 8, milliseconds(20), milliseconds(1000))),
      door_(options_.host) {
  std::error_code ignored;
  if (fs::exists(options_.folder, ignored)) try {
      trusted_private(options_.folder);
    } catch (const nn::InputError&) {  // another process may have just cleared it away
      if (fs::exists(options_.folder, ignored)) trusted_private(options_.folder);
    }
  presence_.seat = options_.seat;
  presence_.id = new_id();
  clear_away_if_deserted();
  make_private_folder(options_.folder);
  trusted_private(options_.folder);
  presence_.door = door_.address();
  tell(presence_);
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      beat();
      stopped_.wait_for(lock, stop, interval_, [] { return false; });
    }
  });
}

Members::~Members() {
  thread_.request_stop();
  thread_.join();
  std::error_code ignored;
  fs::remove(options_.folder / file_of_presence(), ignored);
  clear_away_if_deserted();
}

// Removes the folder once the run has ended and its processes have, too. The last one does it, or
// else the first of the next run, which claims it: others that start with it wait.
void Members::clear_away_if_deserted() {
  if (how_it_ended().empty()) return;
  std::vector<std::string> doors;
  for (const Presence& other : look()) doors.push_back(other.door);
  const std::vector<DoorState> answers = knock_at(doors, milliseconds(100));
  const auto is_closed = [](DoorState answer) { return answer == DoorState::closed; };
  if (!std::ranges::all_of(answers, is_closed)) return;
  std::error_code ignored;
  const fs::path claim = options_.folder / "deserted";
  if (::mkdir(claim.c_str(), 0700) != 0) {
    const auto give_up = Clock::now() + longest_clearing;
    while (fs::exists(claim, ignored) && Clock::now() < give_up)
      std::this_thread::sleep_for(pause_of_waiting);
    return;
  }
  if (how_it_ended().empty()) {  // this is already the next run's folder
    fs::remove(claim, ignored);
    return;
  }
  const fs::path old = options_.folder.string() + ".ended-" + presence_.id;
  fs::rename(options_.folder, old, ignored);  // at once: another process may be about to come
  fs::remove_all(old, ignored);
}

std::string Members::text_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Members::file_of_presence() const {
  return nn::concat(prefix, presence_.seat, '-', presence_.id);
}

fs::path Members::file_of_epoch(int number) const {
  return options_.folder / nn::concat("epoch-", number);
}

// A run that has begun does not end because one rank cannot write.
void Members::cannot_write(const std::string& name, int error) const {
  const std::string what =
      nn::concat("cannot write ", (options_.folder / name).string(), ": ", std::strerror(error));
  if (last_.number > 0) throw nn::Error(what);
  throw nn::InputError(what, "all ranks must be able to write there");
}

// Makes a file with this content, unless it exists: one of those that try succeeds.
bool Members::create(const std::string& name, const std::string& text) const {
  const fs::path file = options_.folder / name;
  const fs::path draft = options_.folder / nn::concat('.', name, '-', presence_.id);
  const bool is_whole = write_whole(draft, text);  // no half decision is ever seen
  const bool is_first = is_whole && ::link(draft.c_str(), file.c_str()) == 0;
  const int error = errno;
  ::unlink(draft.c_str());
  if (!is_first && error != EEXIST) cannot_write(name, error);
  return is_first;
}

// Not synced: what matters after a loss of power is in the checkpoints.
void Members::write_presence() {
  const std::string name = file_of_presence();
  const fs::path draft = options_.folder / ('.' + name);
  const bool is_written = write_whole(draft, nn::concat(told_, "beat ", ++beats_, '\n')) &&
                          ::rename(draft.c_str(), (options_.folder / name).c_str()) == 0;
  write_error_ = is_written ? 0 : errno;
}

void Members::tell(Presence presence) {
  presence_ = std::move(presence);
  const std::lock_guard lock(mutex_);
  told_ = to_text(presence_);
  write_presence();
}

void Members::beat() {
  write_presence();
  door_.clear();
  if (is_outdated()) is_over_ = true;
}

bool Members::is_outdated() const {
  std::error_code ignored;
  return fs::exists(file_of_epoch(attended_ + 1), ignored);
}

void Members::read_epochs() {
  for (;;) {
    const std::optional<Epoch> next = parse_epoch(text_in(file_of_epoch(last_.number + 1)));
    if (!next) return;
    last_ = *next;
  }
}

std::optional<Epoch> Members::agree(const std::optional<State>& state) {
  Presence own{.seat = presence_.seat,
               .id = presence_.id,
               .door = presence_.door,
               .epoch = attended_,
               .is_waiting = true};
  if (state)
    own.done = state->done, own.is_prepared = state->is_prepared, own.result = state->result;
  tell(own);
  auto since = Clock::now();
  for (milliseconds pause = pause_of_waiting;; std::this_thread::sleep_for(pause)) {
    if (!how_it_ended().empty()) return {};
    if (options_.stop && *options_.stop && !state) throw Mailbox::Stopped();
    const int before = last_.number;
    read_epochs();
    if (last_.number > before) since = Clock::now();
    if (last_.number > attended_ && (state || last_.rank_of(id()) >= 0)) {
      {
        const std::lock_guard lock(mutex_);
        attended_ = last_.number, is_over_ = false;
      }
      attended_since_ = Clock::now();
      tell({.seat = own.seat,
            .id = own.id,
            .door = own.door,
            .epoch = last_.number,
            .unreached = presence_.unreached});
      return last_;
    }
    std::vector<Presence> others = look();
    std::erase_if(others, [this](const Presence& each) { return each.id == id(); });
    knock(others);
    const std::vector<Presence> alive = look();
    const auto waited = Clock::now() - since;
    // A full disk may have room again.
    const bool may_fail = last_.number > 0 && waited < 2 * options_.patience;
    if (write_error_ != 0 && !may_fail) cannot_write(file_of_presence(), write_error_);
    const bool is_late = waited > options_.patience;
    if (const auto next = next_epoch(last_, options_.shape, alive, is_late)) try {
        create(file_of_epoch(next->number).filename(), to_text(*next));
      } catch (const nn::Error&) {
        if (!may_fail) throw;
      }
    require_hope(alive, since);
    const bool others_train =
        !state && std::ranges::any_of(alive, [](const Presence& p) { return !p.is_waiting; });
    pause =
        (others_train ? pause_beside_training : pause_of_waiting) + alive.size() * pause_of_process;
  }
}

void Members::end(const std::string& how) { create(end_file, how); }

std::string Members::how_it_ended() const { return text_in(options_.folder / end_file); }

}  // namespace pipeline
