#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <zmq.hpp>

#include "pipeline/mailbox/mailbox.h"
#include "tests/complaint.h"
#include "tests/pipeline/guarded_rank.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds, std::chrono::seconds;

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

TEST_CASE_FIXTURE(GuardedRank, "ranks with keys meet and exchange messages of all sizes") {
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

TEST_CASE_FIXTURE(GuardedRank, "a client without a key of the run does not get in") {
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

TEST_CASE_FIXTURE(GuardedRank, "a rank cannot speak for another rank or run") {
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

TEST_CASE_FIXTURE(GuardedRank, "a key admits few connections, and none once its rank has joined") {
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

TEST_CASE_FIXTURE(GuardedRank, "a rank whose connections failed can still join") {
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

TEST_CASE_FIXTURE(GuardedRank,
                  "strangers that come and go do not make room for more connections of a key") {
  open(with_keys());
  std::vector<zmq::socket_t> thieves;
  for (int i = 1; i <= 4; ++i) {
    send(thieves.emplace_back(client(keys_of(2).secret)), header_of(2, 4));
    expect("messages of another run", i);
  }
  for (int i = 1; i <= 10; ++i) {
    ::close(raw_connection(local_port(40)));
    expect("connections of strangers", i);
  }
  zmq::socket_t fifth = client(keys_of(2).secret);
  expect("further connections with the key of rank 2", 1);
}

TEST_CASE_FIXTURE(GuardedRank, "ranks with keys from different folders say so") {
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

TEST_CASE_FIXTURE(GuardedRank, "a silent connection is counted and soon cut off") {
  for (bool has_keys : {false, true}) {
    Mailbox::Options options = has_keys ? with_keys() : this->options();
    options.handshake = milliseconds(300);
    open(std::move(options));
    std::vector<int> silent(50);
    for (int& descriptor : silent) descriptor = raw_connection(local_port(40));
    expect("connections of strangers", 46);  // 4 might be of the other ranks
    const auto give_up = std::chrono::steady_clock::now() + seconds(5);
    std::size_t closed = 0;
    while (closed < silent.size() && std::chrono::steady_clock::now() < give_up)
      closed = std::ranges::count_if(silent, is_closed);
    CHECK(closed == silent.size());
    for (int descriptor : silent) ::close(descriptor);
  }
}

TEST_CASE_FIXTURE(GuardedRank,
                  "a crowd of strangers is kept out, and others get in once it has gone") {
  open(options());
  std::vector<int> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(raw_connection(local_port(40), SOCK_NONBLOCK));
    if (i % 10 == 9) {
      std::this_thread::sleep_for(milliseconds(1));
      mailbox->progress("connecting");
    }
  }
  expect("connections of strangers", 256);
  CHECK(count("connections of strangers") < 512);  // some had been accepted before
  for (int descriptor : crowd) ::close(descriptor);
  zmq::socket_t rank_1 = client();
  send(rank_1, header_of(1));
  CHECK(mailbox->receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
}

TEST_CASE_FIXTURE(GuardedRank, "a sender that exceeds the largest message is cut off") {
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

TEST_CASE_FIXTURE(GuardedRank,
                  "a connection with an endless message is closed, even while the rank computes") {
  Mailbox::Options options = this->options();
  options.largest_message = 1 << 16;
  open(options);
  const std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') +
                               "NULL" + std::string(48, '\0');
  const std::string ready("\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH", 28);
  for (const std::size_t size : {std::size_t{0}, std::size_t{200}, std::size_t{1} << 16}) {
    CAPTURE(size);
    const int endless = raw_connection(local_port(40));
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

TEST_CASE_FIXTURE(GuardedRank,
                  "many complete messages are not taken for an endless one, with or without keys") {
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
