#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "nn/base/file.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/complaint.h"
#include "tests/pipeline/guarded_rank.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;

void set_permissions(const fs::path& file, unsigned mode) {
  fs::permissions(file, static_cast<fs::perms>(mode));
}

}  // namespace

TEST_CASE_FIXTURE(GuardedRank, "keys are made once, and only their owner reads the secret ones") {
  const Keys keys = keys_of(1);
  CHECK(keys.secret.size() == 40);
  CHECK(keys.public_keys.size() == 3);
  CHECK(keys.public_keys[1] != keys.public_keys[2]);
  CHECK(fs::status(folder.path / "rank-1.secret").permissions() == fs::perms(0600));
  CHECK(contains(complaint_of([&] { make_keys(folder.path, 3); }), "cannot write"));
  CHECK(keys_of(1).secret == keys.secret);
  const fs::path made = folder.path / "new";
  make_keys(made, 1);
  CHECK(fs::status(made).permissions() == fs::perms(0700));
}

TEST_CASE_FIXTURE(GuardedRank, "keys that others may have read or changed are refused") {
  const auto complaint = [&] { return complaint_of([&] { keys_of(1); }); };
  set_permissions(folder.path / "rank-1.secret", 0640);
  CHECK(contains(complaint(), "rank-1.secret can be read by other users"));
  set_permissions(folder.path / "rank-1.secret", 0600);
  set_permissions(folder.path / "rank-2.public", 0666);
  CHECK(contains(complaint(), "rank-2.public can be changed by other users"));
  set_permissions(folder.path / "rank-2.public", 0644);
  set_permissions(folder.path, 0777);
  CHECK(contains(complaint(), "can be changed by other users"));
}

// Runs `f` while the path belongs to another user. Only root can give it away.
template <class Function>
void owned_by_another(const fs::path& path, Function f) {
  if (::geteuid() != 0) {
    MESSAGE("not root: nothing is given to another user");
    return;
  }
  REQUIRE(::lchown(path.c_str(), 12345, 12345) == 0);
  f();
  REQUIRE(::lchown(path.c_str(), 0, 0) == 0);
}

TEST_CASE_FIXTURE(GuardedRank,
                  "keys of another user, or in a place where others may move them, are refused") {
  const fs::path above = folder.path / "above", keys = above / "keys";
  make_keys(keys, 3);
  const auto complaint = [](const fs::path& path) {
    return complaint_of([&] { read_keys(path, 1, 3); });
  };
  CHECK(complaint(keys) == "nothing");
  for (const fs::path& path : {keys, above, keys / "rank-1.secret", keys / "rank-2.public"})
    owned_by_another(path, [&] {
      CAPTURE(path);
      CHECK(complaint(keys) == path.string() + " can be changed by other users: it is not yours");
    });
  set_permissions(above, 0775);
  CHECK(complaint(keys) == above.string() + " can be changed by other users");
  set_permissions(above, 01777);  // like /tmp: files stay their owners'
  CHECK(complaint(keys) == "nothing");
  set_permissions(keys, 01777);  // but not the keys' own folder: others could add files
  CHECK(complaint(keys) == keys.string() + " can be changed by other users");
}

TEST_CASE_FIXTURE(GuardedRank, "a link to keys is as good as its target") {
  const fs::path above = folder.path / "above", keys = above / "keys", link = folder.path / "link";
  make_keys(keys, 3);
  fs::create_symlink(keys, link);
  const auto complaint = [&] { return complaint_of([&] { read_keys(link, 1, 3); }); };
  CHECK(complaint() == "nothing");
  set_permissions(above, 0777);
  CHECK(complaint() == above.string() + " can be changed by other users");
  set_permissions(above, 0700);
  fs::rename(keys / "rank-2.public", folder.path / "elsewhere");
  fs::create_symlink(folder.path / "elsewhere", keys / "rank-2.public");
  CHECK(complaint() == "nothing");
  set_permissions(folder.path / "elsewhere", 0666);
  CHECK(complaint() == (folder.path / "elsewhere").string() + " can be changed by other users");
  fs::remove(folder.path / "elsewhere");
  CHECK(contains(complaint(), "rank-2.public: No such file"));
}

TEST_CASE_FIXTURE(GuardedRank, "missing, damaged, mixed up or identical keys are refused") {
  const auto complaint = [&] { return complaint_of([&] { keys_of(1); }); };
  const fs::path path = folder.path / "rank-2.public";
  const std::string key = nn::read_file(path);
  for (const std::string wrong : {"", "hello", "[40 characters that are no Z85 \\\\\\\\ ...]"}) {
    nn::write_file_atomically(path, wrong);
    CHECK(contains(complaint(), "rank-2.public is not a key"));
  }
  nn::write_file_atomically(path, nn::read_file(folder.path / "rank-0.public"));
  CHECK(contains(complaint(), "the same public key for two ranks"));
  nn::write_file_atomically(path, key);
  nn::write_file_atomically(folder.path / "rank-1.public", key);
  CHECK(contains(complaint(), "rank-1.secret does not belong to its public key"));
  fs::remove(path);
  CHECK(contains(complaint(), "rank-2.public"));
}

TEST_CASE("without keys, an address must be out of others' reach") {
  const tools::TemporaryFolder folder;
  const std::string path = folder.path.string();
  for (const std::string& local : {std::string("inproc://x"), std::string("tcp://127.0.0.1:9"),
                                   std::string("tcp://[::1]:9"), "ipc://" + path + "/0"})
    CHECK_NOTHROW(require_local({local}));
  for (const std::string open :
       {"tcp://0.0.0.0:9", "tcp://*:9", "tcp://10.0.0.1:9", "tcp://127.0.0.1.example.org:9",
        "tcp://127.0.0.1:1;10.0.0.1:9", "tcp://host:9", "udp://127.0.0.1:9", "nonsense"})
    CHECK(
        contains(complaint_of([&] { require_local({open}); }), "anyone on the network can reach"));
  for (const std::string& shared :
       {std::string("ipc://@name"), std::string("ipc:///tmp/0"), "ipc://" + path + "/none/0"})
    CHECK(contains(complaint_of([&] { require_local({shared}); }),
                   "is not in a private folder of this user"));
  const auto complaint = [&] {
    return complaint_of([&] { require_local({"ipc://" + path + "/s/0"}); });
  };
  make_keys(folder.path / "s", 1);  // a private folder
  CHECK(complaint() == "nothing");
  owned_by_another(folder.path / "s",
                   [&] { CHECK(contains(complaint(), "private folder of this user")); });
  owned_by_another(folder.path,
                   [&] { CHECK(contains(complaint(), "private folder of this user")); });
  set_permissions(folder.path, 0770);
  CHECK(contains(complaint(), "private folder of this user"));
  set_permissions(folder.path, 0700);
  set_permissions(folder.path / "s", 0750);
  CHECK(contains(complaint(), "private folder of this user"));
}

TEST_CASE_FIXTURE(GuardedRank,
                  "a rank without keys neither listens nor connects beyond this machine") {
  addresses[2] = nn::concat("tcp://10.0.0.1:", local_port(42));
  CHECK(contains(complaint_of([&] { open(options()); }),
                 "anyone on the network can reach tcp://10.0.0.1"));
  CHECK_NOTHROW(open(with_keys()));
}

}  // namespace pipeline
