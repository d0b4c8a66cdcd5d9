#include "tools/training/access.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/folder_lock.h"
#include "pipeline/links.h"
#include "pipeline/mailbox/keys.h"
#include "pipeline/mailbox/meeting.h"

namespace training {

namespace {

constexpr std::string_view rank_place = "{rank}";  // in an address

// "tcp://a:1,ipc:///b,c" is two addresses: a comma belongs to a path unless an address follows it.
std::vector<std::string> separated(const std::vector<std::string>& texts) {
  std::vector<std::string> addresses;
  for (const std::string& text : texts)
    for (std::size_t begin = 0, end; begin <= text.size(); begin = end + 1) {
      end = std::min(text.find(',', begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      const bool is_address =
          part.starts_with("ipc://") || part.starts_with("tcp://") || part.starts_with("inproc://");
      if (is_address || begin == 0)
        addresses.push_back(part);
      else
        addresses.back() += ',' + part;
    }
  return addresses;
}

// tcp://worker-{rank}:9000 becomes tcp://worker-RANK:9000, ipc:///folder becomes
// ipc:///folder/RANK, and tcp://host:port becomes tcp://host:(port + RANK).
std::vector<std::string> addresses_of(const RankOptions& options) {
  const int ranks = options.config.topology.ranks();
  const std::vector<std::string> given = separated(options.addresses);
  if (static_cast<int>(given.size()) == ranks && ranks > 1) {
    for (auto address = given.begin(); address != given.end(); ++address)
      if (std::find(given.begin(), address, *address) != address)
        throw nn::InputError(*address + " is given for two ranks",
                             "give each rank an address of its own");
    return given;
  }
  if (ranks == 1) return {"inproc://alone"};
  const std::string hint =
      "--address ipc:///folder, tcp://host:port, tcp://host-{rank}:port, or one address for each "
      "rank";
  if (given.empty())
    throw nn::InputError(
        nn::concat("this is one of ", ranks, " ranks, and has no way to find the others"),
        "tools/pipeline.sh starts all ranks on this machine, as do mpirun, torchrun and srun; by "
        "hand, give each rank --rank and --meet or --address");
  if (given.size() != 1)
    throw nn::InputError(nn::concat(given.size(), " addresses for ", ranks, " ranks"), hint);
  std::vector<std::string> addresses;
  const std::string& base = given[0];
  const std::size_t place = base.find(rank_place);
  for (int rank = 0; rank < ranks; ++rank) {
    if (place != std::string::npos) {
      std::string address = base;
      addresses.push_back(address.replace(place, rank_place.size(), std::to_string(rank)));
      continue;
    }
    if (base.starts_with("ipc://")) {
      addresses.push_back(nn::concat(base, '/', rank));
      continue;
    }
    const std::size_t colon = base.rfind(':');
    char* end = nullptr;
    const long port = std::strtol(base.c_str() + colon + 1, &end, 10);
    if (!base.starts_with("tcp://") || colon < 6 || *end || port < 1 || port + ranks > 65536)
      throw nn::InputError(base + " is not an address", hint);
    addresses.push_back(nn::concat(base.substr(0, colon + 1), port + rank));
  }
  return addresses;
}

// ZeroMQ listens at numeric addresses only.
void listen_by_name(pipeline::Mailbox::Options& mailbox) {
  std::string& address = mailbox.addresses[mailbox.rank];
  const std::size_t colon = address.rfind(':');
  if (!mailbox.keys || !address.starts_with("tcp://") || colon < 6) return;
  pipeline::OpenPort listener =
      pipeline::listen_at(address.substr(6, colon - 6), std::atoi(address.c_str() + colon + 1));
  mailbox.listener = listener.release();
  address = listener.address;
}

// 0 if it is not set.
std::uint64_t number_of_environment(const char* variable) {
  const char* const text = std::getenv(variable);
  std::uint64_t number = 0;
  if (text) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

std::uint64_t run_of_environment() { return number_of_environment("TRIBUTARY_RUN"); }

std::optional<StartTime> first_start_of_environment() {
  const std::chrono::milliseconds since_1970(number_of_environment("TRIBUTARY_FIRST_START"));
  return since_1970.count() == 0 ? std::nullopt : std::optional(StartTime(since_1970));
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000));
}

std::chrono::milliseconds handshake_among(int ranks) {
  return std::chrono::milliseconds(5'000 + 100 * ranks);
}

pipeline::Mailbox::Options mailbox_options(const RankOptions& options) {
  const int ranks = options.config.topology.ranks();
  if (options.rank < 0 || options.rank >= ranks)
    throw nn::InputError(nn::concat("there is no rank ", options.rank),
                         nn::concat("--rank is between 0 and ", ranks - 1));
  pipeline::Mailbox::Options mailbox{.rank = options.rank,
                                     .addresses = options.meeting.empty() || ranks == 1
                                                      ? addresses_of(options)
                                                      : std::vector<std::string>(),
                                     .links = pipeline::links_of(options.config, options.rank),
                                     .run = options.run,
                                     .deadline = milliseconds_of(options.timeout),
                                     .heartbeat = milliseconds_of(options.heartbeat),
                                     .stop = options.stop,
                                     .handshake = handshake_among(ranks),
                                     .on_stranger = [](const std::string& what) {
                                       std::cerr << "dropped: " << what << std::endl;
                                     }};
  if (options.keys.empty())
    pipeline::require_local(mailbox.addresses);
  else
    mailbox.keys = pipeline::read_keys(options.keys, options.rank, ranks);
  return mailbox;
}

void remove_old_meetings(const std::filesystem::path& place) {
  const auto day_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(place, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename().string().starts_with(meeting_prefix) &&
        entry->last_write_time(ignored) < day_ago && !ignored &&
        !nn::FolderLock::is_held(entry->path()))
      std::filesystem::remove_all(entry->path(), ignored);
  }
}

void join_meeting(const RankOptions& options, pipeline::Mailbox::Options& mailbox) {
  if (options.meeting.empty()) return listen_by_name(mailbox);
  if (options.rank == 0) remove_old_meetings(options.meeting.parent_path());
  pipeline::Meeting meeting = pipeline::meet_in(
      options.meeting, options.rank, options.config.topology.ranks(), *mailbox.links,
      options.host.empty() ? pipeline::host_of_this_machine() : options.host, mailbox.deadline,
      options.stop);
  mailbox.run = meeting.run;
  mailbox.listener = meeting.listener.release();
  mailbox.addresses = std::move(meeting.addresses);
  mailbox.keys = std::move(meeting.keys);
}

void connect(const RankOptions& options, pipeline::Mailbox& mailbox, const std::string& terms,
             std::chrono::milliseconds patience) {
  const pipeline::MeetingRemoval removal(options.rank == 0 ? options.meeting : "");
  mailbox.meet(terms, patience);
}

std::string summary_of(int rank, const std::map<std::string, int>& strangers) {
  std::string text;
  for (const auto& [what, count] : strangers)
    text += nn::concat(text.empty() ? nn::concat("rank ", rank, " dropped ") : ", ", what, " (",
                       count, ')');
  return text.empty() ? "" : text + "\n";
}

}  // namespace training
