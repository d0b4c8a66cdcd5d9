// Work that is shared out over ranks, which are threads here.
#include "tools/ranks/rank_executor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "nn/models/mlp.h"
#include "tools/program/temporary_folder.h"
#include "tools/ranks/connection.h"
#include "tools/ranks/serve.h"

namespace {

using nn::real;

// A rank of two, with one thread. What it does takes a while and returns the first weight and what
// is asked of a test. While it hangs, it takes for ever.
struct Rank {
  Rank(const std::filesystem::path& folder, int number) {
    place.folder = folder / "meeting";
    place.rank = number;
    place.ranks = 2;
  }

  ranks::MeetingPlace place;
  std::atomic<int> tests = 0;
  std::atomic<bool> hangs = false;
  fl::ThreadExecutor threads{
      [](nn::Generator& generator) {
        return std::make_unique<nn::Mlp>(std::vector<nn::index>{2, 3}, generator);
      },
      nn::DropoutStream::mt, nn::Precision::full, 1,
      [this](const fl::Assignment& assignment, fl::ClientWorker& worker) {
        if (assignment.test) ++tests;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        hangs.wait(true);
        const fl::TestPart part = assignment.test.value_or(fl::TestPart{});
        fl::Trained trained;
        trained.values = worker.scratch(4);
        std::ranges::copy(std::vector<real>{assignment.received.weights[0], real(part.first),
                                            real(part.count), real(part.has_trigger)},
                          trained.values.begin());
        return trained;
      }};
};

}  // namespace

TEST_CASE("the parts of a test are shared out over ranks, and come back in their order") {
  const tools::TemporaryFolder folder;
  Rank server(folder.path, 0), other(folder.path, 1);
  int clients = -1;
  std::jthread thread([&] {
    ranks::Channel channel(other.place, ranks::with_rank_0(1), "the same", other.place.timeout);
    clients = ranks::serve(other.threads, channel);
  });
  {
    ranks::RankExecutor::Connections connections;
    connections.push_back(
        std::make_unique<ranks::Connection>(server.place, 1, "the same", server.place.timeout));
    ranks::RankExecutor executor(
        server.threads, nullptr, std::move(connections), [](int, const auto&) { return nullptr; },
        [](const std::string&) {});
    std::vector<real> weights(server.threads.workers()[0].weights().size());
    for (const int round : {1, 2}) {
      weights[0] = static_cast<real>(round);
      std::vector<std::vector<real>> taken;
      executor.test(
          10,
          [&](int number) {
            fl::Assignment assignment;
            assignment.round = round;
            assignment.received.weights = weights;
            assignment.test = fl::TestPart{7 * number, 7, round == 2};
            return assignment;
          },
          [&](int number, const fl::Trained& trained) {
            CHECK(number == std::ssize(taken));
            taken.emplace_back(trained.values.begin(), trained.values.end());
          });
      REQUIRE(taken.size() == 10);
      for (int i = 0; i < 10; ++i)
        CHECK(taken[i] == std::vector<real>{real(round), real(7 * i), 7, real(round == 2)});
    }
  }
  thread.join();
  CHECK(server.tests > 0);
  CHECK(other.tests > 0);
  CHECK(server.tests + other.tests == 20);
  CHECK(clients == 0);
}

TEST_CASE("a client that hangs on a rank with a pulse is given to others, and the rank is told") {
  const tools::TemporaryFolder folder;
  Rank server(folder.path, 0), other(folder.path, 1);
  server.place.client_timeout = std::chrono::milliseconds(300);
  other.hangs = true;
  std::string end;
  std::jthread thread([&] {
    ranks::Channel channel(other.place, ranks::with_rank_0(1), "the same", other.place.timeout);
    try {
      ranks::serve(other.threads, channel);
    } catch (const pipeline::PeerLost& lost) {
      end = lost.what();
    }
  });
  std::string said;
  {
    ranks::RankExecutor::Connections connections;
    connections.push_back(
        std::make_unique<ranks::Connection>(server.place, 1, "the same", server.place.timeout));
    ranks::RankExecutor executor(
        server.threads, nullptr, std::move(connections),
        [](int, const std::atomic<bool>& stop) {
          while (!stop) std::this_thread::sleep_for(ranks::poll_interval);
          return nullptr;
        },
        [&](const std::string& what) { said += what; });
    const std::vector<real> weights(server.threads.workers()[0].weights().size(), 3);
    for (const int round : {1, 2}) {
      std::vector<int> taken;
      executor.train(
          4,
          [&](int number) {
            fl::Assignment assignment;
            assignment.client = 10 + number;
            assignment.round = round;
            assignment.received.weights = weights;
            return assignment;
          },
          [&](int number, const fl::Trained& trained) {
            CHECK(trained.values[0] == 3);
            taken.push_back(number);
          });
      CHECK(taken == std::vector{0, 1, 2, 3});
      other.hangs = false;  // it comes back, too late
      other.hangs.notify_all();
    }
  }
  thread.join();
  CHECK(said.starts_with("rank 1 has not done client 1"));
  CHECK(said.ends_with(" in 0.3 s (--client-timeout); others take over its work"));
  CHECK(end.ends_with(" in 0.3 s (--client-timeout), while waiting for clients to train"));
}
