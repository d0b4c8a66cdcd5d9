#include <doctest/doctest.h>
#include <sys/time.h>

#include <algorithm>
#include <csignal>
#include <numeric>
#include <thread>
#include <zmq.hpp>

#include "nn/base/error.h"
#include "pipeline/clock.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/pipeline/local_ports.h"
#include "tests/pipeline/two_ranks.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

using std::chrono::milliseconds, std::chrono::seconds;

TEST_CASE("messages of all sizes arrive unchanged over ipc and tcp, asked for in any order") {
  const tools::TemporaryFolder folder;
  for (const std::vector<std::string>& addresses :
       {std::vector{address_of(0, folder), address_of(1, folder)},
        std::vector<std::string>{local_address(50), local_address(51)}}) {
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

TEST_CASE("sending does not wait for a busy receiver, and nothing is lost") {
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

TEST_CASE("signals that a program catches disturb no message, whenever they come") {
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

TEST_CASE("ranks started with different options name them") {
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

TEST_CASE("if one rank fails while another has yet to come, the failure is told and no more") {
  const std::vector<std::string> addresses{"inproc://failed-0", "inproc://failed-1",
                                           "inproc://failed-2"};
  Network network;
  Mailbox mailbox(network, {.rank = 0, .addresses = addresses});
  Mailbox other(network, {.rank = 1, .addresses = addresses});
  other.announce_failure("rank 1 failed: there is no text");
  CHECK(message_of([&] { mailbox.meet("", seconds(10)); }) ==
        "rank 1 failed: there is no text, while meeting the other ranks");
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

TEST_CASE("an idle rank is named by all others, even those that wait for another rank") {
  // Rank 2 waits for rank 1, and rank 1 for rank 0, which does not serve its mailbox.
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

TEST_CASE("an idle rank is named by a rank that is not linked with it") {
  // Ranks 3 and 0 wait for rank 2, rank 2 for rank 1, which does not serve its mailbox.
  const tools::TemporaryFolder folder;
  std::vector<std::string> addresses, messages(4);
  for (int rank = 0; rank < 4; ++rank) addresses.push_back(address_of(rank, folder));
  const std::vector<std::vector<int>> links{{1, 2, 3}, {0, 2}, {0, 1, 3}, {0, 2}};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 4; ++rank)
    threads.emplace_back([&, rank] {
      Network network;
      Mailbox mailbox(network, {.rank = rank,
                                .addresses = addresses,
                                .links = links[rank],
                                .deadline = milliseconds(rank == 3 ? 2800 : 3200)});
      mailbox.meet("", seconds(10));
      if (rank == 1) return std::this_thread::sleep_for(milliseconds(5000));
      messages[rank] = message_of([&] {
        mailbox.receive(rank == 2 ? 1 : 2, {Tag::activation}, nn::concat("rank ", rank, " waited"));
      });
      std::this_thread::sleep_for(milliseconds(500));
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(messages[3].starts_with("rank 1 has done nothing for "));
  CHECK(messages[3].ends_with("s, while rank 3 waited"));
}

TEST_CASE("a failure is heard by ranks that are not linked with the one that failed") {
  const tools::TemporaryFolder folder;
  std::vector<std::string> addresses, messages(3);
  for (int rank = 0; rank < 3; ++rank) addresses.push_back(address_of(rank, folder));
  const std::vector<std::vector<int>> links{{1, 2}, {0}, {0}};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank)
    threads.emplace_back([&, rank] {
      Network network;
      Mailbox mailbox(network, {.rank = rank, .addresses = addresses, .links = links[rank]});
      try {
        mailbox.meet("", seconds(10));
        if (rank == 1) return mailbox.announce_failure("rank 1 failed: its disk is full");
        mailbox.receive(0, {Tag::order, rank}, "testing");
      } catch (const PeerLost& lost) {
        messages[rank] = lost.what();
        mailbox.announce_failure(lost.news);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int rank : {0, 2})  // one may still be meeting the others
    CHECK(messages[rank].starts_with("rank 1 failed: its disk is full, while "));
}

TEST_CASE("to send to a rank that is not linked is an error") {
  const tools::TemporaryFolder folder;
  Network network;
  Mailbox mailbox(
      network, {.rank = 1,
                .addresses = {address_of(0, folder), address_of(1, folder), address_of(2, folder)},
                .links = {{0}}});
  CHECK(message_of([&] { mailbox.send_number(2, {Tag::loss}, 1); }) ==
        "rank 1 is not linked with rank 2");
}

TEST_CASE("ranks that all wait, or compute for less than half the deadline, are not blamed") {
  const tools::TemporaryFolder folder;
  const std::vector<std::string> addresses{address_of(0, folder), address_of(1, folder)};
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

TEST_CASE("a rank whose pulse stops is gone") {
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

TEST_CASE("another rank's terms are shown as one line") {
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

TEST_CASE("a goodbye that arrives after the connection broke counts") {
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

TEST_CASE("an address that is taken or invalid is an error with a hint") {
  Network network;
  const std::vector<std::string> addresses{local_address(60), local_address(61)};
  Mailbox first(network, {.rank = 0, .addresses = addresses});
  CHECK_THROWS_AS(Mailbox(network, {.rank = 0, .addresses = addresses}), nn::InputError);
  CHECK_THROWS_AS(Mailbox(network, {.rank = 0, .addresses = {"nonsense", "tcp://127.0.0.1:1"}}),
                  nn::InputError);
}

TEST_CASE("the offset of a clock that is ahead is found") {
  double offset = 0;
  two_ranks({local_address(52), local_address(53)}, [&](Mailbox& mailbox) {
    const double ahead = mailbox.rank() == 1 ? 5 : 0;
    const double found = offset_to_rank_0(mailbox, [ahead] { return wall_time() + ahead; });
    if (mailbox.rank() == 1) offset = found;
  });
  CHECK(offset == doctest::Approx(-5).epsilon(0.01));
}

}  // namespace pipeline
