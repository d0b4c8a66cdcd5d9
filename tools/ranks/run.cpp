#include "tools/ranks/run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/files/engine.h"
#include "tools/federated/dataset.h"
#include "tools/federated/runner.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/ranks/rank_executor.h"
#include "tools/ranks/serve.h"

namespace ranks {

namespace {

// On a line of its own, also where a progress bar is.
void say(const std::string& line) {
  std::cerr << (isatty(STDERR_FILENO) ? "\r\x1b[K" : "") + line + '\n';
}

// Meeting ends as the program does when it is interrupted.
template <class Meet>
auto interruptible(const Meet& meet) {
  try {
    return meet();
  } catch (const pipeline::Mailbox::Stopped&) {
    throw tools::Stopped{tools::stop_signal()};
  }
}

// What all ranks must have in common: the run, and the program's version.
std::string terms_of(const std::string& run) {
  return run + "\nengine " + nn::describe_engine().at("engine");
}

// Waits for a rank that was lost. Null once it is told to stop.
std::unique_ptr<Connection> connect_again(MeetingPlace place, int rank, const std::string& run,
                                          const std::atomic<bool>& stop) {
  place.stop = &stop;
  bool is_refused = false;
  while (!stop) {
    try {
      return std::make_unique<Connection>(place, rank, terms_of(run), std::chrono::years(1));
    } catch (const pipeline::Mailbox::Stopped&) {
      return nullptr;
    } catch (const nn::InputError& error) {
      if (!std::exchange(is_refused, true))
        say(nn::concat("rank ", rank, " cannot come back: ", error.what()));
    } catch (const std::exception&) {  // it was lost again
    }
    std::this_thread::sleep_for(
        std::min<std::chrono::milliseconds>(place.heartbeat / 10, std::chrono::seconds(1)));
  }
  return nullptr;
}

}  // namespace

federated::Runner::MakeExecutor make_executor(const Place& place) {
  if (place.meeting.ranks == 1) return nullptr;
  return [place](fl::Server& server, const std::string& run) {
    return interruptible([&]() -> std::unique_ptr<fl::Executor> {
      say(nn::concat(place.meeting.ranks, " ranks",
                     place.found.empty() ? "" : ", started by " + place.found, "; meeting in ",
                     place.meeting.folder.string(), "-*"));
      std::vector<std::future<std::unique_ptr<Connection>>> meetings;
      for (int rank = 1; rank < place.meeting.ranks; ++rank)
        meetings.push_back(std::async(std::launch::async, [&, rank] {
          return std::make_unique<Connection>(place.meeting, rank, terms_of(run),
                                              place.meeting.timeout);
        }));
      RankExecutor::Connections others;
      for (auto& meeting : meetings) others.push_back(meeting.get());
      return std::make_unique<RankExecutor>(
          server.threads(), std::move(others),
          [place, run](int rank, const std::atomic<bool>& stop) {
            return connect_again(place.meeting, rank, run, stop);
          },
          say);
    });
  };
}

void serve_run(const federated::Experiment& asked, const federated::Resources& resources,
               const Place& place) {
  const federated::Dataset dataset = federated::open_dataset(resources.data);
  const federated::Experiment experiment =
      federated::settled(federated::with_clients_of(*dataset.train, asked));
  federated::validate(experiment, dataset.task());
  fl::Config config = federated::config_of(experiment, *dataset.train);
  config.threads = resources.threads;
  fl::Server server(std::move(config), *dataset.train, *dataset.test);
  interruptible([&] {
    Line line(place.meeting, 0, terms_of(federated::identity_of(experiment, dataset.task())),
              place.meeting.timeout);
    const int trained = serve(server.threads(), line);
    say(nn::concat("rank ", place.meeting.rank, " trained clients ", trained,
                   trained == 1 ? " time" : " times"));
  });
}

}  // namespace ranks
