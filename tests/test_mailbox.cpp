#include <doctest/doctest.h>
#include <sys/time.h>

#include <csignal>
#include <numeric>
#include <thread>
#include <zmq.hpp>

#include "nn/base/error.h"
#include "pipeline/clock.h"
#include "pipeline/mailbox/mailbox.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds, std::chrono::seconds;

std::string address_of(int rank, const tools::TemporaryFolder& folder) {
  return "ipc://" + (folder.path / std::to_string(rank)).string();
}

// Runs f(mailbox) on each of two ranks that have met, and says goodbye.
template <class Function>
void two_ranks(const std::vector<std::string>& addresses, Function f) {
  Network networks[2];
  std::exception_ptr failures[2];
  const auto run = [&](int rank) {
    try {
      Mailbox mailbox(networks[rank], {.rank = rank, .addresses = addresses, .run = 7});
      mailbox.meet("same\nterms", seconds(10));
      f(mailbox);
      mailbox.part();
    } catch (...) {
      failures[rank] = std::current_exception();
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

// Rank 0 of two in run 3, and someone who can send it anything.
struct Listener {
  tools::TemporaryFolder folder;
  std::string address = address_of(0, folder);
  Network network;
  std::vector<std::string> heard;
  Mailbox mailbox{network,
                  {.rank = 0,
                   .addresses = {address, address_of(1, folder)},
                   .run = 3,
                   .on_stranger = [this](const std::string& what) { heard.push_back(what); }}};
  zmq::context_t context;
  zmq::socket_t other{context, zmq::socket_type::push};
  Listener() { other.connect(address); }

  std::map<std::string, int> strangers() { return mailbox.strangers(); }
  void send(const Header& header) {
    other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
    other.send(zmq::str_buffer("8 bytes!"));
  }
};

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("messages of all sizes arrive unchanged over ipc and tcp, asked for in any order") {
  const tools::TemporaryFolder folder;
  for (const std::vector<std::string>& addresses :
       {std::vector{address_of(0, folder), address_of(1, folder)},
        std::vector<std::string>{"tcp://127.0.0.1:28450", "tcp://127.0.0.1:28451"}}) {
    const std::vector<std::size_t> sizes{0, 1, 1000, 16384, 1'000'003};
    std::vector<std::vector<nn::real>> sent;
    for (std::size_t size : sizes) {
      sent.emplace_back(size);
      std::iota(sent.back().begin(), sent.back().end(), nn::real(size));
    }
    Lease leases[2];
    two_ranks(addresses, [&](Mailbox& mailbox) {
      const int other = 1 - mailbox.rank();
      for (int i = 0; i < static_cast<int>(sizes.size()); ++i)
        mailbox.send(other, {Tag::activation, 5, i}, sent[i], leases[mailbox.rank()]);
      for (int i = static_cast<int>(sizes.size()); i-- > 0;) {
        const Message message = mailbox.receive(other, {Tag::activation, 5, i}, "testing");
        if (!std::ranges::equal(message.numbers(), sent[i])) throw nn::Error("a message changed");
      }
    });
    CHECK(leases[0].is_free());
    CHECK(leases[1].is_free());
  }
}

TEST_CASE("sending does not wait for a receiver that is busy, and nothing is lost") {
  const tools::TemporaryFolder folder;
  const std::vector<nn::real> numbers(50'000, 1);
  constexpr int count = 500;
  Lease lease;
  double sending = 0;
  two_ranks({address_of(0, folder), address_of(1, folder)}, [&](Mailbox& mailbox) {
    if (mailbox.rank() == 0) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < count; ++i) mailbox.send(1, {Tag::activation, 0, i}, numbers, lease);
      sending = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } else {
      std::this_thread::sleep_for(milliseconds(500));
      for (int i = 0; i < count; ++i) mailbox.receive(0, {Tag::activation, 0, i}, "testing");
    }
  });
  CHECK(sending < 0.4);
  CHECK(lease.is_free());
}

TEST_CASE("signals that a program catches disturb no message, wherever they come") {
  const tools::TemporaryFolder folder;
  static std::atomic<int> caught;
  caught = 0;
  const auto before = std::signal(SIGALRM, [](int) { ++caught; });
  const itimerval often{{0, 100}, {0, 100}}, never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  std::string trouble = message_of([&] {
    two_ranks({address_of(0, folder), address_of(1, folder)}, [](Mailbox& mailbox) {
      const int other = 1 - mailbox.rank();
      for (int i = 0; i < 4000; ++i) {
        mailbox.send_number(other, {Tag::loss, i}, i);
        if (mailbox.receive_number(other, {Tag::loss, i}, "testing") != i)
          throw nn::Error("a number changed");
      }
    });
  });
  ::setitimer(ITIMER_REAL, &never, nullptr);
  std::signal(SIGALRM, before);
  CHECK(trouble == "nothing was thrown");
  CHECK(caught > 100);
}

TEST_CASE("a rank that never comes is named") {
  const tools::TemporaryFolder folder;
  Network network;
  Mailbox mailbox(network, {.rank = 0,
                            .addresses = {address_of(0, folder), address_of(1, folder),
                                          address_of(2, folder)}});
  CHECK(message_of([&] {
          mailbox.meet("", milliseconds(300));
        }).ends_with("meeting the other ranks; not connected: rank 1, 2"));
}

TEST_CASE("ranks started with different options say which") {
  Network network;
  std::string messages[2];
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank)
    threads.emplace_back([&, rank] {
      Mailbox mailbox(network,
                      {.rank = rank, .addresses = {"inproc://terms-0", "inproc://terms-1"}});
      messages[rank] =
          message_of([&] { mailbox.meet(nn::concat("steps 5\nlr 0.", rank), seconds(10)); });
      std::this_thread::sleep_for(milliseconds(50));
    });
  for (auto& thread : threads) thread.join();
  CHECK(messages[0] == "rank 1 was started with lr 0.1, this one with lr 0.0");
}

TEST_CASE("a rank that fails tells the others why, one that vanishes is missed") {
  const tools::TemporaryFolder folder;
  const std::vector<std::string> addresses{address_of(0, folder), address_of(1, folder)};
  for (bool tells : {true, false}) {
    std::string message;
    Network network;
    std::thread other([&] {
      Network own;
      Mailbox mailbox(own, {.rank = 1, .addresses = addresses});
      mailbox.meet("", seconds(10));
      mailbox.receive(0, {Tag::order}, "testing");  // then rank 0 has met this one, too
      if (tells) mailbox.announce_failure("rank 1 failed: its disk is full");
    });
    Mailbox mailbox(network, {.rank = 0, .addresses = addresses});
    mailbox.meet("", seconds(10));
    mailbox.send_number(1, {Tag::order}, 1);
    const auto start = std::chrono::steady_clock::now();
    message =
        message_of([&] { mailbox.receive(1, {Tag::gradient}, "rank 0 waited for a gradient"); });
    CHECK(std::chrono::steady_clock::now() - start < seconds(5));
    CHECK(message == std::string(tells ? "rank 1 failed: its disk is full" : "rank 1 is gone") +
                         ", while rank 0 waited for a gradient");
    other.join();
  }
}

TEST_CASE("waiting has a deadline, and ends when told to stop") {
  std::atomic<bool> stop{false};
  Network network;
  std::thread other([&] {
    Mailbox mailbox(network, {.rank = 1, .addresses = {"inproc://late-0", "inproc://late-1"}});
    mailbox.meet("", seconds(10));
    std::this_thread::sleep_for(milliseconds(900));
  });
  Mailbox mailbox(network, {.rank = 0,
                            .addresses = {"inproc://late-0", "inproc://late-1"},
                            .deadline = milliseconds(300),
                            .stop = &stop});
  mailbox.meet("", seconds(10));
  CHECK(message_of([&] {
          mailbox.receive(1, {Tag::loss}, "testing");
        }).starts_with("rank 1 has done nothing for 0."));
  stop = true;
  CHECK_THROWS_AS(mailbox.receive(1, {Tag::loss}, "testing"), Mailbox::Stopped);
  other.join();
}

TEST_CASE("a rank that does nothing is named by all, also by those who wait for others") {
  // Rank 2 waits for rank 1, and that for rank 0, which is not at its mailbox.
  const tools::TemporaryFolder folder;
  std::vector<std::string> addresses, messages(3);
  for (int rank = 0; rank < 3; ++rank) addresses.push_back(address_of(rank, folder));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank)
    threads.emplace_back([&, rank] {
      Network network;
      Mailbox mailbox(network, {.rank = rank, .addresses = addresses, .deadline = seconds(1)});
      mailbox.meet("", seconds(10));
      if (rank == 0) return std::this_thread::sleep_for(milliseconds(2500));
      messages[rank] = message_of([&] {
        mailbox.receive(rank - 1, {Tag::activation}, nn::concat("rank ", rank, " waited"));
      });
      std::this_thread::sleep_for(milliseconds(500));
    });
  for (std::thread& thread : threads) thread.join();
  for (int rank : {1, 2}) {
    CAPTURE(messages[rank]);
    CHECK(messages[rank].starts_with("rank 0 has done nothing for "));
    CHECK(messages[rank].ends_with(nn::concat("s, while rank ", rank, " waited")));
  }
}

TEST_CASE("ranks that all wait, or compute for less than half the deadline, are not blamed") {
  const tools::TemporaryFolder folder;
  const std::vector<std::string> addresses{address_of(0, folder), address_of(1, folder)};
  std::string message;
  std::thread other([&] {
    Network network;
    Mailbox mailbox(network, {.rank = 1, .addresses = addresses, .deadline = seconds(1)});
    mailbox.meet("", seconds(10));
    for (int i = 0; i < 8; ++i) {
      std::this_thread::sleep_for(milliseconds(200));
      mailbox.progress("testing");
    }
  });
  Network network;
  Mailbox mailbox(network, {.rank = 0, .addresses = addresses, .deadline = seconds(1)});
  mailbox.meet("", seconds(10));
  CHECK(message_of([&] {
          mailbox.receive(1, {Tag::loss}, "testing");
        }).starts_with("nothing came for 1"));
  other.join();
}

TEST_CASE("a rank from which not even its pulse comes is gone") {
  const tools::TemporaryFolder folder;
  const std::string address = address_of(0, folder);
  Network network;
  Mailbox mailbox(network, {.rank = 0,
                            .addresses = {address, address_of(1, folder)},
                            .run = 3,
                            .heartbeat = milliseconds(600)});
  zmq::context_t context;
  zmq::socket_t other(context, zmq::socket_type::push);
  other.connect(address);
  Header header{.real_bytes = sizeof(nn::real), .run = 3, .from = 1};
  const auto send = [&] {
    other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
    other.send(zmq::message_t(), zmq::send_flags::none);
  };
  send();  // hello
  header.kind = Tag::beat;
  const auto start = std::chrono::steady_clock::now();
  const auto waits = [&] { mailbox.receive(1, {Tag::loss}, "testing"); };
  std::jthread pulse([&](const std::stop_token& stop) {
    for (; !stop.stop_requested() && header.sequence < 20; ++header.sequence) {
      send();
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  CHECK(message_of(waits) == "rank 1 is gone, while testing");
  CHECK(std::chrono::steady_clock::now() - start > milliseconds(2400));
  CHECK(std::chrono::steady_clock::now() - start < milliseconds(5000));
}

TEST_CASE_FIXTURE(Listener, "what a failed rank says is one line that can be shown") {
  const std::string reason = "\x1b[2Jits disk is full\nhint: curl example.org | sh\u202e";
  Header header{.kind = Tag::failure, .real_bytes = sizeof(nn::real), .run = 3, .from = 1};
  header.bytes = reason.size();
  other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
  other.send(zmq::buffer(reason));
  CHECK(message_of([&] { mailbox.receive(1, {Tag::loss}, "testing"); }) ==
        "\\x1b[2Jits disk is full\\nhint: curl example.org | sh\\u{202e}, while testing");
}

TEST_CASE("terms of another rank are shown as one line") {
  Network network;
  std::string message;
  const std::vector<std::string> addresses{"inproc://shown-0", "inproc://shown-1"};
  std::thread other([&] {
    Mailbox mailbox(network, {.rank = 1, .addresses = addresses});
    const std::string terms = "steps \x1b[31m5\rhint: x" + std::string(5000, 'x');
    message_of([&] { mailbox.meet(terms, seconds(10)); });
    std::this_thread::sleep_for(milliseconds(100));
  });
  Mailbox mailbox(network, {.rank = 0, .addresses = addresses});
  message = message_of([&] { mailbox.meet("steps 5", seconds(10)); });
  other.join();
  CHECK(message.starts_with("rank 1 was started with steps \\x1b[31m5\\x0dhint: xxx"));
  CHECK(message.ends_with("xxx..., this one with steps 5"));
  CHECK(message.size() < 300);
}

TEST_CASE_FIXTURE(Listener,
                  "the text of a message has lines, and nothing else that moves a cursor") {
  Header header{.kind = Tag::report, .real_bytes = sizeof(nn::real), .run = 3, .from = 1};
  const std::string text = "1 2 3\n\x1b[2J\n";
  header.bytes = text.size();
  other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
  other.send(zmq::buffer(text));
  CHECK(mailbox.receive(1, {Tag::report}, "testing").text() == "1 2 3\n\\x1b[2J\n");
}

TEST_CASE_FIXTURE(Listener,
                  "what the rule does not expect is dropped, and what comes after it is not") {
  mailbox.expect([](int, Tag tag, std::size_t bytes, int step) {
    return tag.kind == Tag::hello || (tag.step == step && bytes == 8);
  });
  std::uint64_t sequence = 0;
  const auto say = [&](Tag tag) {
    Header header = {.kind = tag.kind, .real_bytes = sizeof(nn::real), .run = 3};
    header.sequence = sequence++;
    header.bytes = 8;
    header.from = 1;
    header.step = tag.step;
    send(header);
  };
  const auto dropped = [this](const char* kind) {
    return strangers()[std::string(kind) + " messages that rank 1 should not send"];
  };
  say({Tag::loss, 0});  // before it was met
  say({Tag::hello});
  say({Tag::loss, 1'000'000});
  say({Tag::loss, 0});
  say({Tag::loss, 0});  // twice
  say({Tag::gradient, 0});
  CHECK(mailbox.receive(1, {Tag::gradient, 0}, "testing").text() == "8 bytes!");
  CHECK(dropped("loss") == 3);
  mailbox.receive(1, {Tag::loss, 0}, "testing");
  say({Tag::loss, 0});  // again, after it was read
  say({Tag::report, 0});
  mailbox.receive(1, {Tag::report, 0}, "testing");
  CHECK(dropped("loss") == 4);
  say({Tag::activation, 0});  // not read in its step
  say({Tag::verdict, 0});
  mailbox.receive(1, {Tag::verdict, 0}, "testing");
  mailbox.begin_step(1);
  CHECK(!mailbox.try_receive(1, {Tag::activation, 0}));
  say({Tag::loss, 0});
  say({Tag::loss, 1});
  mailbox.receive(1, {Tag::loss, 1}, "testing");
  CHECK(dropped("loss") == 5);
  CHECK(heard.front() == "loss messages that rank 1 should not send, 1 so far");
}

TEST_CASE_FIXTURE(Listener,
                  "strangers, other runs and malformed messages are dropped and counted") {
  int sent = 0;
  const auto send = [&](std::vector<std::string> frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      other.send(zmq::buffer(frames[i]),
                 i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    ++sent;
  };
  send({""});
  send({"hello"});
  send({std::string(48, '\xff'), "payload"});
  send({std::string(48, '\0'), ""});
  send({std::string(48, '\0'), "", "", "surplus"});
  send({std::string(1000, 'x'), ""});
  mailbox.wait([&] { return strangers()["malformed messages"] == sent; }, "counting strangers");
  CHECK_NOTHROW(mailbox.progress("testing"));
  CHECK(heard == std::vector<std::string>{"malformed messages, 1 so far",
                                          "malformed messages, 2 so far",
                                          "malformed messages, 4 so far"});
}

namespace {

// The header of "8 bytes!" from rank 1 of run 3, but for one field.
template <class Field>
Header header_with(Field Header::*field, Field value) {
  Header header{
      .kind = Tag::activation, .real_bytes = sizeof(nn::real), .run = 3, .bytes = 8, .from = 1};
  header.*field = value;
  return header;
}

}  // namespace

TEST_CASE("a header is parsed only if it is whole and fits its payload") {
  const Header right = header_with(&Header::item, 5);
  const std::vector<std::byte> frame(std::as_bytes(std::span(&right, 1)).begin(),
                                     std::as_bytes(std::span(&right, 1)).end());
  CHECK(parse_header(frame, 8)->tag() == Tag{Tag::activation, 0, 5, 0});
  CHECK(!parse_header(frame, 7));
  CHECK(!parse_header({}, 8));
  CHECK(!parse_header(std::span(frame).first(47), 8));
  for (std::size_t byte : {0, 4, 6, 24}) {  // of magic, version, kind, payload's size
    std::vector<std::byte> wrong = frame;
    wrong[byte] ^= std::byte{0x80};
    CHECK(!parse_header(wrong, 8));
  }
}

TEST_CASE_FIXTURE(Listener, "a message is dropped for any field of its header that is wrong") {
  for (const Header& header :
       {header_with(&Header::magic, 1u),
        header_with(&Header::version, std::uint16_t{Header::right_version + 1}),
        header_with(&Header::kind, Tag::Kind(200)), header_with(&Header::bytes, std::uint64_t{7}),
        header_with(&Header::from, -1), header_with(&Header::from, 0),
        header_with(&Header::from, 2), header_with(&Header::run, std::uint64_t{4})})
    send(header);
  send(header_with(&Header::sequence, std::uint64_t{0}));
  CHECK(mailbox.receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
  CHECK(strangers()["malformed messages"] == 7);
  CHECK(strangers()["messages of another run"] == 1);
}

TEST_CASE_FIXTURE(Listener,
                  "a message that comes again is dropped, one that never came is missed") {
  send(header_with(&Header::item, 0));
  send(header_with(&Header::item, 0));
  mailbox.wait([&] { return strangers()["repeated messages"] == 1; }, "counting strangers");
  CHECK(mailbox.receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
  send(header_with(&Header::sequence, std::uint64_t{2}));
  CHECK(message_of([&] { mailbox.receive(1, {Tag::gradient}, "testing"); }) ==
        "rank 0: messages of rank 1 were lost on the way");
}

TEST_CASE_FIXTURE(Listener, "ranks that compute in other numbers are told so") {
  send(header_with(&Header::real_bytes, std::uint8_t{2}));
  CHECK(message_of([&] {
          mailbox.receive(1, {Tag::activation}, "testing");
        }).starts_with("rank 1 computes with 16-bit numbers"));
}

TEST_CASE("a goodbye that comes after the connection broke is heard") {
  const tools::TemporaryFolder folder;
  const std::vector<std::string> addresses{address_of(0, folder), address_of(1, folder)};
  for (int i = 0; i < 20; ++i) {
    Network network;
    std::thread other([&] {
      Network own;
      Mailbox mailbox(own, {.rank = 1, .addresses = addresses});
      mailbox.meet("", seconds(10));
      mailbox.part();
    });
    Mailbox mailbox(network, {.rank = 0, .addresses = addresses});
    mailbox.meet("", seconds(10));
    CHECK(message_of([&] { mailbox.part(); }) == "nothing was thrown");
    other.join();
  }
}

TEST_CASE("payloads are aligned for numbers, whatever came before them") {
  const tools::TemporaryFolder folder;
  Lease lease;
  int misaligned = 0;
  two_ranks({address_of(0, folder), address_of(1, folder)}, [&](Mailbox& mailbox) {
    std::vector<nn::real> numbers(500, 1);
    for (int i = 0; i < 100; ++i) {
      if (mailbox.rank() == 0) {
        mailbox.send_text(1, {Tag::report, i}, std::string(i, 'x'));
        mailbox.send(1, {Tag::activation, i}, std::span(numbers).first(10 + 3 * i), lease);
      } else {
        const Message message = mailbox.receive(0, {Tag::activation, i}, "testing");
        misaligned +=
            reinterpret_cast<std::uintptr_t>(message.bytes.data()) % alignof(nn::real) != 0;
      }
    }
  });
  CHECK(misaligned == 0);
}

TEST_CASE("an address that is taken or is none is an error with a hint") {
  Network network;
  const std::vector<std::string> addresses{"tcp://127.0.0.1:28460", "tcp://127.0.0.1:28461"};
  Mailbox first(network, {.rank = 0, .addresses = addresses});
  CHECK_THROWS_AS(Mailbox(network, {.rank = 0, .addresses = addresses}), nn::InputError);
  CHECK_THROWS_AS(Mailbox(network, {.rank = 0, .addresses = {"nonsense", "tcp://127.0.0.1:1"}}),
                  nn::InputError);
}

TEST_CASE("the offset of a clock that is ahead is found") {
  double offset = 0;
  two_ranks({"tcp://127.0.0.1:28452", "tcp://127.0.0.1:28453"}, [&](Mailbox& mailbox) {
    const double ahead = mailbox.rank() == 1 ? 5 : 0;
    const double found = offset_to_rank_0(mailbox, [ahead] { return wall_time() + ahead; });
    if (mailbox.rank() == 1) offset = found;
  });
  CHECK(offset == doctest::Approx(-5).epsilon(0.01));
}

}  // namespace pipeline
