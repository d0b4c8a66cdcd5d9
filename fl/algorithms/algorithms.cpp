#include "fl/algorithms/algorithms.h"

#include "nn/base/named_row.h"

namespace fl {

namespace {

// The options that several algorithms share.
Option server_rate(double preset) {
  return {"server-lr", "learning rate of the server", preset, 1e-6, 1e3};
}
Option beta1(double preset) {
  return {"beta1", "share of the last round's first moment", preset, 0, 0.99999};
}
Option beta2() { return {"beta2", "share of the last round's second moment", 0.99, 0, 0.99999}; }
Option tau() { return {"tau", "added to the root of the second moment", 1e-3, 1e-12, 1}; }

}  // namespace

std::span<const AlgorithmEntry> algorithm_table() {
  static const std::vector<AlgorithmEntry> table{
      {.name = "fedsgd",
       .label = "FedSGDGradient",
       .description = "clients send the gradient over all their samples",
       .make = make_fedsgd,
       .sends = Sends::changes,
       .is_full_batch = true},
      {.name = "fedsgd-weight",
       .label = "FedSGDWeight",
       .description = "clients take that step themselves and send weights",
       .make = make_fedsgd_weight,
       .is_full_batch = true},
      {.name = "fedavg",
       .label = "FedAvg",
       .description = "clients train for some epochs and send weights",
       .make = make_fedavg},
      {.name = "fedprox",
       .label = "FedProx",
       .description = "FedAvg with a pull towards the server's weights in every local step",
       .make = make_fedprox,
       .options = {{"mu", "strength of the pull towards the server's weights", 0.01, 0, 1e3}}},
      {.name = "fedavgm",
       .label = "FedAvgM",
       .description = "FedAvg with momentum on the server",
       .make = make_fedavgm,
       .options = {server_rate(1),
                   {"server-momentum", "share of the last round's velocity", 0.9, 0, 0.99999},
                   {"nesterov", "1 for Nesterov's momentum", 0, 0, 1, whole}}},
      {.name = "fedadam",
       .label = "FedAdam",
       .description = "the server takes a step of Adam along the mean change",
       .make = make_fedadam,
       .options = {server_rate(0.01), beta1(0.9), beta2(), tau()}},
      {.name = "fedyogi",
       .label = "FedYogi",
       .description = "FedAdam with Yogi's second moment, which shrinks slowly",
       .make = make_fedyogi,
       .options = {server_rate(0.01), beta1(0.9), beta2(), tau()}},
      {.name = "fedadagrad",
       .label = "FedAdagrad",
       .description = "FedAdam with Adagrad's second moment, a sum",
       .make = make_fedadagrad,
       .options = {server_rate(0.01), beta1(0), tau()}},
      {.name = "scaffold",
       .label = "SCAFFOLD",
       .description = "clients correct their gradients by how they differ from the others'",
       .make = make_scaffold,
       .options = {server_rate(1)},
       .weighting = Weighting::equal,
       .sends = Sends::changes},
      {.name = "fednova",
       .label = "FedNova",
       .description =
           "changes are averaged per local step, so clients with more steps do not count more",
       .make = make_fednova,
       .sends = Sends::changes,
       .extra_numbers = 1},
      {.name = "feddyn",
       .label = "FedDyn",
       .description = "each client's loss is corrected so that all clients agree on the minimum",
       .make = make_feddyn,
       .options = {{"feddyn-alpha", "pull of the clients' weights towards the server's", 0.01, 1e-6,
                    1e3}},
       .weighting = Weighting::equal},
      {.name = "qfedavg",
       .label = "q-FedAvg",
       .description = "clients with a larger loss count more",
       .make = make_qfedavg,
       .options = {{"q", "how much more clients with a larger loss count", 1, 0, 10}},
       .weighting = Weighting::equal,
       .sends = Sends::changes,
       .extra_numbers = 1},
      {.name = "ditto",
       .label = "Ditto",
       .description = "FedAvg, and a model of its own for each client",
       .make = make_ditto,
       .options = {{"lambda", "pull of a client's own model towards the server's", 0.1, 0, 1e3}}},
      {.name = "fedbn",
       .label = "FedBN",
       .description = "FedAvg whose clients keep their batch normalisation",
       .make = make_fedbn,
       .needs_buffers = true},
      {.name = "centralized",
       .label = "Centralized",
       .description = "the baseline: one party has all the data",
       .make = make_fedavg,  // of one client, which shuffles
       .is_federated = false},
  };
  return table;
}

const AlgorithmEntry* find_algorithm(std::string_view name) {
  return nn::find_row(algorithm_table(), name);
}

}  // namespace fl
