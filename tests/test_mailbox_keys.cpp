#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <zmq.hpp>

#include "nn/base/file.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds, std::chrono::seconds;

void set_permissions(const fs::path& file, unsigned mode) {
  fs::permissions(file, static_cast<fs::perms>(mode));
}

// Rank 0 of three in run 3, and clients that try to connect.
struct Door {
  tools::TemporaryFolder folder;
  std::vector<std::string> addresses{"tcp://127.0.0.1:28440", "tcp://127.0.0.1:28441",
                                     "tcp://127.0.0.1:28442"};
  zmq::context_t context;
  std::optional<Network> network;
  std::optional<Mailbox> mailbox;

  Door() { make_keys(folder.path, 3); }

  Keys keys_of(int rank) const { return read_keys(folder.path, rank, 3); }
  Mailbox::Options options() const { return {.addresses = addresses, .run = 3}; }
  Mailbox::Options with_keys() const {
    Mailbox::Options options = this->options();
    options.keys = keys_of(0);
    return options;
  }
  void open(Mailbox::Options options) {
    mailbox.reset();
    network.emplace();
    mailbox.emplace(*network, std::move(options));
  }

  int count(const std::string& what) {
    const auto found = mailbox->strangers().find(what);
    return found == mailbox->strangers().end() ? 0 : found->second;
  }
  void expect(const std::string& what, int times) {
    CAPTURE(what);
    CHECK_NOTHROW(mailbox->wait([&] { return count(what) >= times; }, "counting strangers"));
  }

  // A client of rank 0, with a key of its own if there is one.
  zmq::socket_t client(const std::string& secret = "", milliseconds handshake = seconds(30)) {
    zmq::socket_t socket(context, zmq::socket_type::push);
    socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(handshake.count()));
    socket.set(zmq::sockopt::linger, 0);
    if (!secret.empty()) {
      char public_key[41];
      REQUIRE(zmq_curve_public(public_key, secret.c_str()) == 0);
      socket.set(zmq::sockopt::curve_publickey, std::string(public_key));
      socket.set(zmq::sockopt::curve_secretkey, secret);
      socket.set(zmq::sockopt::curve_serverkey, keys_of(0).public_keys[0]);
    }
    socket.connect(addresses[0]);
    return socket;
  }
};

void send(zmq::socket_t& socket, const Header& header, std::string_view payload = "8 bytes!") {
  socket.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
  socket.send(zmq::buffer(payload));
}

Header header_of(int rank, std::uint64_t run = 3) {
  return {.kind = Tag::activation,
          .real_bytes = sizeof(nn::real),
          .run = run,
          .bytes = 8,
          .from = rank};
}

int raw_connection(int port, int flags = 0) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | flags, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int failed = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address);
  REQUIRE((!failed || (flags == SOCK_NONBLOCK && errno == EINPROGRESS)));
  return descriptor;
}

bool is_closed(int descriptor) {
  char bytes[256];
  ssize_t count;
  while ((count = ::recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {  // a greeting
  }
  return count == 0 || errno == ECONNRESET;
}

}  // namespace

TEST_CASE_FIXTURE(Door, "keys are made once, and only their owner reads the secret ones") {
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

TEST_CASE_FIXTURE(Door, "keys that others may have read or changed are refused") {
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

TEST_CASE_FIXTURE(Door,
                  "keys that belong to others, or lie where others may move them, are refused") {
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
  set_permissions(above, 01777);  // as /tmp: what is in it stays its owner's
  CHECK(complaint(keys) == "nothing");
  set_permissions(keys, 01777);  // but not the keys' own folder: new files may come
  CHECK(complaint(keys) == keys.string() + " can be changed by other users");
}

TEST_CASE_FIXTURE(Door, "a link to keys is as good as what it leads to") {
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

TEST_CASE_FIXTURE(Door, "keys that are missing, damaged, mixed up or the same are refused") {
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

TEST_CASE("without keys an address must be out of the reach of others") {
  const tools::TemporaryFolder folder;
  const std::string path = folder.path.string();
  for (const std::string& local :
       {std::string("inproc://x"), std::string("tcp://127.0.0.1:9"), "ipc://" + path + "/0"})
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

TEST_CASE_FIXTURE(Door, "a rank without keys neither listens nor connects beyond this machine") {
  addresses[2] = "tcp://10.0.0.1:28442";
  CHECK(contains(complaint_of([&] { open(options()); }),
                 "anyone on the network can reach tcp://10.0.0.1"));
  CHECK_NOTHROW(open(with_keys()));
}

TEST_CASE_FIXTURE(Door, "ranks with keys meet and exchange messages of all sizes") {
  std::vector<std::thread> others;
  Lease leases[3];
  const std::vector<nn::real> numbers(300'000, nn::real(0.5));
  const auto talk = [&](Mailbox& box) {
    box.meet("terms", seconds(10));
    const int next = (box.rank() + 1) % 3, last = (box.rank() + 2) % 3;
    box.send(next, {Tag::activation}, numbers, leases[box.rank()]);
    box.send_text(next, {Tag::report}, "");
    const Message message = box.receive(last, {Tag::activation}, "testing");
    const bool is_same = std::ranges::equal(message.numbers(), numbers);
    box.receive(last, {Tag::report}, "testing");
    box.part();
    return is_same;
  };
  std::atomic<int> same = 0;
  Network networks[3];
  for (int rank : {1, 2})
    others.emplace_back([&, rank] {
      Mailbox box(networks[rank],
                  {.rank = rank, .addresses = addresses, .run = 3, .keys = keys_of(rank)});
      same += talk(box);
    });
  open(with_keys());
  same += talk(*mailbox);
  for (std::thread& other : others) other.join();
  CHECK(same == 3);
  CHECK(mailbox->strangers().empty());
}

TEST_CASE_FIXTURE(Door, "a client without a key of the run does not get in") {
  open(with_keys());
  char public_key[41], secret[41];
  zmq_curve_keypair(public_key, secret);
  zmq::socket_t without = client(), with_own = client(secret), rank_2 = client(keys_of(2).secret);
  zmq::socket_t more[2]{client(), client()};  // than the two connections of each other rank
  for (zmq::socket_t* socket : {&without, &with_own}) send(*socket, header_of(1));
  expect("unknown keys", 1);
  expect("connections of strangers", 1);
  send(rank_2, header_of(2));
  mailbox->receive(2, {Tag::activation}, "testing");
  CHECK(!mailbox->try_receive(1, {Tag::activation}));
  CHECK(count("messages in another rank's name") == 0);
}

TEST_CASE_FIXTURE(Door, "a rank cannot speak for another rank or run") {
  open(with_keys());
  zmq::socket_t rank_2 = client(keys_of(2).secret);
  send(rank_2, header_of(1));
  expect("messages in another rank's name", 1);
  send(rank_2, header_of(2, 4));
  expect("messages of another run", 1);
  send(rank_2, header_of(2));
  CHECK(mailbox->receive(2, {Tag::activation}, "testing").text() == "8 bytes!");
  CHECK(!mailbox->try_receive(1, {Tag::activation}));
}

TEST_CASE_FIXTURE(Door, "a key admits few connections, and none once its rank is here") {
  const std::string counted = "further connections with the key of rank 2";
  open(with_keys());
  std::vector<zmq::socket_t> thieves;
  for (int i = 0; i < 10; ++i) thieves.push_back(client(keys_of(2).secret));
  expect(counted, 6);
  CHECK(count(counted) >= 6);
  for (zmq::socket_t& thief : thieves) thief.close();

  open(with_keys());
  zmq::socket_t rank_2 = client(keys_of(2).secret);
  Header header = header_of(2);
  for (const Tag::Kind kind : {Tag::beat, Tag::hello}) {
    header.kind = kind;
    header.bytes = kind == Tag::beat ? 0 : 8;
    send(rank_2, header, kind == Tag::beat ? "" : "8 bytes!");
  }
  mailbox->receive(2, {Tag::hello}, "testing");
  const int before = count(counted);
  zmq::socket_t thief = client(keys_of(2).secret);
  send(thief, header_of(2));
  expect(counted, before + 1);
  CHECK(!mailbox->try_receive(2, {Tag::activation}));
  header = header_of(2);
  header.sequence = 1;
  send(rank_2, header);
  CHECK(mailbox->receive(2, {Tag::activation}, "testing").text() == "8 bytes!");
}

TEST_CASE_FIXTURE(Door, "a rank whose connections failed can still join") {
  Mailbox::Options options = with_keys();
  options.deadline = seconds(10);
  open(options);
  for (int i = 1; i <= 6; ++i) {  // started for another run, and ended
    zmq::socket_t other_run = client(keys_of(2).secret);
    send(other_run, header_of(2, 4));
    expect("messages of another run", i);
    other_run.close();
    context = zmq::context_t();  // waits until the connection is closed
  }
  const zmq::socket_t hasty = client(keys_of(1).secret, milliseconds(100));
  std::this_thread::sleep_for(seconds(2));  // rank 0 is suspended: handshakes run out of time
  for (const int rank : {1, 2}) {
    zmq::socket_t socket = client(keys_of(rank).secret);
    send(socket, header_of(rank));
    CHECK(mailbox->receive(rank, {Tag::activation}, "testing").text() == "8 bytes!");
  }
}

TEST_CASE_FIXTURE(Door, "strangers that come and go make no room for more connections of a key") {
  open(with_keys());
  std::vector<zmq::socket_t> thieves;
  for (int i = 1; i <= 4; ++i) {
    send(thieves.emplace_back(client(keys_of(2).secret)), header_of(2, 4));
    expect("messages of another run", i);
  }
  for (int i = 1; i <= 10; ++i) {
    ::close(raw_connection(28440));
    expect("connections of strangers", i);
  }
  zmq::socket_t fifth = client(keys_of(2).secret);
  expect("further connections with the key of rank 2", 1);
}

TEST_CASE_FIXTURE(Door, "ranks with keys of different folders say so") {
  const tools::TemporaryFolder other_folder;
  make_keys(other_folder.path, 3);
  std::thread other([&] {
    Network own;
    Mailbox box(own,
                {.rank = 1, .addresses = addresses, .keys = read_keys(other_folder.path, 1, 3)});
    CHECK_THROWS_AS(box.meet("", seconds(2)), PeerLost);
  });
  open(with_keys());
  std::string message;
  try {
    mailbox->meet("", seconds(3));
  } catch (const PeerLost& lost) {
    message = lost.what();
  }
  other.join();
  CHECK(contains(message, "not connected with valid keys: rank 1, 2"));
}

TEST_CASE_FIXTURE(Door, "a silent connection is counted and soon cut off") {
  for (bool has_keys : {false, true}) {
    Mailbox::Options options = has_keys ? with_keys() : this->options();
    options.handshake = milliseconds(300);
    open(std::move(options));
    std::vector<int> silent(50);
    for (int& descriptor : silent) descriptor = raw_connection(28440);
    expect("connections of strangers", 46);  // 4 might be of the other ranks
    const auto give_up = std::chrono::steady_clock::now() + seconds(5);
    std::size_t closed = 0;
    while (closed < silent.size() && std::chrono::steady_clock::now() < give_up)
      closed = std::ranges::count_if(silent, is_closed);
    CHECK(closed == silent.size());
    for (int descriptor : silent) ::close(descriptor);
  }
}

TEST_CASE_FIXTURE(Door, "a crowd of strangers is kept out, and others get in once it is gone") {
  open(options());
  std::vector<int> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(raw_connection(28440, SOCK_NONBLOCK));
    if (i % 10 == 9) {
      std::this_thread::sleep_for(milliseconds(1));
      mailbox->progress("knocking");
    }
  }
  expect("connections of strangers", 256);
  CHECK(count("connections of strangers") < 512);  // some had been accepted before
  for (int descriptor : crowd) ::close(descriptor);
  zmq::socket_t rank_1 = client();
  send(rank_1, header_of(1));
  CHECK(mailbox->receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
}

TEST_CASE_FIXTURE(Door, "a sender of more than the largest message is cut off") {
  Mailbox::Options options = this->options();
  options.largest_message = 1000;
  open(std::move(options));
  zmq::socket_t rank_1 = client();
  Header header = header_of(1);
  header.bytes = 1000;
  send(rank_1, header, std::string(1000, 'x'));
  CHECK(mailbox->receive(1, {Tag::activation}, "testing").bytes.size() == 1000);
  header.sequence = 1;
  header.bytes = 2000;
  send(rank_1, header, std::string(2000, 'x'));
  header.bytes = 1000;  // ZeroMQ's client connects again, and what it sends now is taken
  std::optional<Message> message;
  for (int trial = 0; trial < 50 && !message; ++trial) {
    send(rank_1, header, std::string(1000, 'y'));
    std::this_thread::sleep_for(milliseconds(20));
    mailbox->progress("testing");
    message = mailbox->try_receive(1, {Tag::activation});
  }
  REQUIRE(message);
  CHECK(message->text() == std::string(1000, 'y'));
}

TEST_CASE_FIXTURE(
    Door, "a connection whose message does not end is closed, also while the rank computes") {
  Mailbox::Options options = this->options();
  options.largest_message = 1 << 16;
  open(options);
  const std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') +
                               "NULL" + std::string(48, '\0');
  const std::string ready("\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH", 28);
  for (const std::size_t size : {std::size_t{0}, std::size_t{200}, std::size_t{1} << 16}) {
    CAPTURE(size);
    const int endless = raw_connection(28440);
    const auto say = [&](std::string_view bytes) {
      return ::send(endless, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0;
    };
    say(greeting);
    std::this_thread::sleep_for(milliseconds(50));
    say(ready);
    // A part that is not the last one: flag 1 for more, 2 for a length of eight bytes.
    std::string part(9, '\0');
    part[0] = 3;
    for (int i = 0; i < 8; ++i) part[8 - i] = static_cast<char>(size >> (8 * i));
    part.append(size, 'x');
    if (size == 0) part.assign(std::string("\1\0", 2));
    while (part.size() < 1 << 15) part += part;
    std::size_t sent = 0;
    while (sent < (std::size_t{1} << 30) && say(part)) sent += part.size();
    ::close(endless);
    CHECK(sent > 2 << 20);
    CHECK(sent < std::size_t{1} << 30);
  }
  expect("messages without an end", 3);
}

TEST_CASE_FIXTURE(Door, "many complete messages are not one without an end, with keys or without") {
  constexpr int most = 300, size = 1 << 16;
  for (const bool has_keys : {false, true}) {
    Mailbox::Options options = has_keys ? with_keys() : this->options();
    options.largest_message = size;
    open(options);
    zmq::socket_t rank_1 = client(has_keys ? keys_of(1).secret : "");
    Header header = header_of(1);
    header.bytes = size;
    for (int i = 0; i < most; ++i) {
      header.sequence = header.item = i;
      send(rank_1, header, std::string(size, 'x'));
      if (i == 200) std::this_thread::sleep_for(milliseconds(200));  // the rank computes
      if (i > 100) (void)mailbox->receive(1, {.kind = Tag::activation, .item = i - 101}, "numbers");
    }
    for (int i = most - 101; i < most; ++i)
      (void)mailbox->receive(1, {.kind = Tag::activation, .item = i}, "numbers");
    CHECK(count("messages without an end") == 0);
  }
}

}  // namespace pipeline
