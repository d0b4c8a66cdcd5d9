#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/images/images.h"
#include "fl/algorithms/algorithms.h"
#include "fl/clients/client_states.h"
#include "fl/clients/collected.h"
#include "fl/clients/kept.h"
#include "fl/clients/sender.h"
#include "fl/clients/versions.h"
#include "fl/clocks/schedule.h"
#include "fl/config.h"
#include "fl/defences/aggregation.h"
#include "fl/evaluation/evaluation.h"
#include "fl/workers/executor.h"

namespace fl {

// The measure that sums up Schedule::seconds().
constexpr const char* simulated_seconds = "Simulated seconds";

struct Round {
  int number = 0;                   // from 1
  double accuracy = 0;              // percent of the test images; NaN: it was not tested
  std::int64_t messages = 0;        // sent between clients and server since the start
  double ideal_seconds = 0;         // since the start, if every client had a core of its own
  double seconds = 0;               // since the start, on this machine
  std::vector<Exclusion> excluded;  // if it is all of the chosen, the round changed nothing
  int chosen = 0;
  // What else was measured, by the name of its column: "Test loss", "Training loss", "Client
  // accuracy" ... "Bytes up", "Bytes down" and "Simulated seconds" are sums since the start.
  std::map<std::string, double> measures = {};
  std::vector<int> selected = {};  // clients whose updates a defence has chosen
};

// Plays rounds of a federated algorithm: choose clients, train each from the server's weights,
// aggregate their updates, apply the aggregate, test.
class Server {
 public:
  // The examples must outlive the server. Throws as check_choices() does, and for an attack that
  // does not fit the examples.
  Server(Config config, const data::Examples& train, const data::Examples& test);
  Server(Config config, const data::ImageDataset& dataset)
      : Server(std::move(config), dataset.train, dataset.test) {}

  // If a client's training throws, nothing has changed: the round can be played again. Without a
  // test the round has no accuracy, and no measure that a test gives.
  Round play_round(bool is_tested = true);

  // From now on clients train where this executor lets them; it must outlive the server's rounds.
  void train_with(Executor& executor) { executor_ = &executor; }
  ThreadExecutor& threads() { return *threads_; }
  nn::Precision precision() const { return config_.precision; }

  // Tests the newest round, which was played without a test.
  void test(Round& newest);

  // Continues after the round `last`. The weights and states after it must have been restored
  // already. Throws nn::Error if rounds were played.
  void resume(const Round& last);

  // On the test examples; with a trigger, all of them carry the attack's.
  Evaluation evaluate(bool has_trigger = false);
  double test() { return evaluate().accuracy; }
  // Of each honest client with held-out samples, on these, by its own model where the algorithm has
  // one.
  std::vector<double> client_accuracies();

  const std::vector<std::vector<int>>& samples() const { return samples_; }    // of each client
  const std::vector<std::vector<int>>& held_out() const { return held_out_; }  // not in samples()
  const std::vector<int>& malicious() const { return sender_->malicious(); }   // sorted

  std::span<nn::real> buffers() { return model_->parameters().buffers(); }
  std::span<nn::real> weights() { return model_->parameters().values(); }
  nn::Model& model() { return *model_; }
  Algorithm& algorithm() { return *algorithm_; }
  Aggregation& aggregation() { return *aggregation_; }
  ClientStates& client_states() { return client_states_; }

  // What clients keep between rounds: "client" is the algorithm's, "residual" what compression has
  // not sent yet.
  struct NamedClientStates {
    std::string_view name;
    ClientStates& states;
  };
  std::vector<NamedClientStates> states_of_clients() {
    return {{"client", client_states_}, {"residual", sender_->residuals()}};
  }
  Versions& versions() { return versions_; }

  int clients() const { return config_.clients; }
  int clients_per_round() const { return clients_per_round_; }

 private:
  Collected train(const std::vector<Turn>& turns, Schedule& schedule);
  std::vector<int> apply(Collected& collected);
  Round summary(const std::vector<Turn>& turns, Collected collected);
  Assignment assign(const Turn& turn) const;
  Trained do_assignment(const Assignment& assignment, ClientWorker& worker) const;
  Trained train_client(const Assignment& assignment, ClientWorker& worker) const;
  Received received(int version) const;
  Kept kept_by(int client, std::span<const nn::real> server_buffers) const;
  int weight_of(int client) const;
  double learning_rate(int round) const;
  std::int64_t bytes_to_client() const;
  std::size_t averaged_buffers() const;  // numbers of a model that are sent beside its weights
  std::unique_ptr<Schedule> make_schedule() const;

  Config config_;
  std::vector<std::vector<int>> samples_;        // of each client
  std::unique_ptr<const data::Examples> noisy_;  // those to train with, if the split adds noise
  const data::Examples &train_, &test_;
  std::vector<std::vector<int>> held_out_;  // of each client, those it is tested on
  std::unique_ptr<nn::Model> model_;
  std::unique_ptr<Algorithm> algorithm_;
  std::unique_ptr<Aggregation> aggregation_;
  std::unique_ptr<Sender> sender_;
  ClientStates client_states_;  // each ends with the client's buffers if those are local
  std::unique_ptr<ThreadExecutor> threads_;
  Executor* executor_;
  int clients_per_round_;  // that train at the same time
  std::unique_ptr<Schedule> schedule_;
  Versions versions_;
  Round last_;
};

}  // namespace fl
