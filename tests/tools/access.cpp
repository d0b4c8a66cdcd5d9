#include "tools/training/access.h"

#include "nn/base/folder_lock.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace training {

namespace {

// The addresses of the ranks of two stages.
std::vector<std::string> addresses_of(std::vector<std::string> given) {
  RankOptions options;
  options.config.topology.stages = 2;
  options.addresses = std::move(given);
  return mailbox_options(options).addresses;
}

using Addresses = std::vector<std::string>;

}  // namespace

TEST_CASE("addresses are derived from one, or given for every rank") {
  const Addresses expected{"tcp://127.0.0.1:9000", "tcp://127.0.0.1:9001"};
  CHECK(addresses_of({"tcp://127.0.0.1:9000"}) == expected);
  CHECK(addresses_of({"tcp://127.0.0.1:900{rank}"}) == expected);
  CHECK(addresses_of({"tcp://127.0.0.1:9000,tcp://127.0.0.1:9001"}) == expected);
  CHECK(addresses_of({"tcp://127.0.0.1:9000", "tcp://127.0.0.1:9001"}) == expected);
  CHECK(addresses_of({"tcp://127.0.0.1:9000,inproc://b"}) ==
        Addresses{"tcp://127.0.0.1:9000", "inproc://b"});
}

TEST_CASE("a comma in a path does not end an address") {
  const tools::TemporaryFolder folder;
  for (const char* name : {"a,b", ",", "a,", ",,a", "a,tcp:"}) {
    CAPTURE(name);
    const std::string path = "ipc://" + (folder.path / name).string();
    std::filesystem::create_directory(folder.path / name);
    std::filesystem::permissions(folder.path / name, std::filesystem::perms::owner_all);
    CHECK(addresses_of({path}) == Addresses{path + "/0", path + "/1"});
    CHECK(addresses_of({path + "/x," + path + "/y"}) == Addresses{path + "/x", path + "/y"});
    CHECK(addresses_of({"tcp://127.0.0.1:9," + path + "/y"}) ==
          Addresses{"tcp://127.0.0.1:9", path + "/y"});
  }
}

TEST_CASE("addresses that do not fit the ranks are refused") {
  const auto complaint = [](Addresses given) {
    return complaint_of([&] { addresses_of(std::move(given)); });
  };
  CHECK(complaint({"tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3"}) ==
        "3 addresses for 2 ranks");
  CHECK(complaint({}) == "this is one of 2 ranks, and has no way to find the others");
  CHECK(complaint({"tcp://127.0.0.1:1,tcp://127.0.0.1:1"}) ==
        "tcp://127.0.0.1:1 is given for two ranks");
  CHECK(complaint({"tcp://127.0.0.1:9000,"}) == "tcp://127.0.0.1:9000, is not an address");
  CHECK(complaint({"127.0.0.1:9000"}) == "127.0.0.1:9000 is not an address");
}

TEST_CASE("meetings that nobody has used for a day are removed, but for one that a run holds") {
  const tools::TemporaryFolder folder;
  const auto make = [&](const char* name, int hours) {
    std::filesystem::create_directory(folder.path / name);
    std::filesystem::last_write_time(
        folder.path / name,
        std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours));
    return folder.path / name;
  };
  const auto old = make(".meeting-mpi-1", 25), recent = make(".meeting-mpi-2", 23),
             other = make("results", 25), held = make(".meeting-mpi-3-run", 1);
  const nn::FolderLock lock(held);
  std::filesystem::last_write_time(held, std::filesystem::last_write_time(old));
  remove_old_meetings(folder.path);
  CHECK_FALSE(std::filesystem::exists(old));
  for (const auto& kept : {recent, other, held}) CHECK(std::filesystem::exists(kept));
}

}  // namespace training
