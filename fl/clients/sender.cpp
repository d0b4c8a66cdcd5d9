#include "fl/clients/sender.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fl/algorithms/algorithms.h"
#include "fl/clocks/clocks.h"
#include "fl/privacy/clip.h"
#include "nn/base/error.h"
#include "nn/numpy.h"
#include "nn/optimizer.h"

namespace fl {

namespace {

// Drawn by numpy.random.default_rng(seed + 1).
std::vector<int> draw_malicious(const Config& config) {
  std::vector<int> clients = config.malicious.clients;
  if (clients.empty())
    clients =
        nn::numpy::Generator(config.seed + 1)
            .choice(config.clients,
                    static_cast<int>(std::nearbyint(config.malicious.share * config.clients)));
  if (clients.empty())
    throw nn::InputError(nn::concat("a share of ", config.malicious.share, " of ", config.clients,
                                    " clients: none is malicious"),
                         nn::concat("choose --malicious ", 1.0 / config.clients, " or more"));
  std::ranges::sort(clients);
  for (int client : clients)
    if (client < 0 || client >= config.clients)
      throw nn::InputError(nn::concat("there is no client ", client, " to be malicious"),
                           nn::concat("clients have the numbers 0 to ", config.clients - 1));
  return clients;
}

}  // namespace

std::int64_t bytes_of(std::size_t numbers) {
  return bytes_per_number * static_cast<std::int64_t>(numbers);
}

Sender::Sender(const Config& config, const nn::Parameters& parameters,
               const data::Examples& examples)
    : privacy_(config.local_privacy), extra_numbers_(config.algorithm->extra_numbers) {
  if (config.attack) {
    attack_ = config.attack->make(config);
    attack_->check(examples);
    malicious_ = draw_malicious(config);
  }
  if (config.compression) compression_ = config.compression->make(config);
  converts_ = config.algorithm->sends == Sends::weights &&
              (config.defence || attack_ || compression_ || privacy_.clip > 0 ||
               (config.clock && config.clock->is_asynchronous));
  for (const nn::ParameterInfo& info : parameters.infos()) tensors_.push_back(info.shape.size());
}

bool Sender::is_malicious(int client) const {
  return std::ranges::binary_search(malicious_, client);
}

Trained Sender::train(const Algorithm& algorithm, ClientContext& client,
                      std::vector<nn::real> residual) const {
  const bool attacks = is_malicious(client.client);
  client.worker.set_attack(attacks ? attack_.get() : nullptr);
  const Update update = algorithm.train(client);
  client.worker.set_attack(nullptr);
  const std::size_t size = client.server_weights.size();
  if (converts_)
    for (std::size_t i = 0; i < size; ++i) update.values[i] -= client.server_weights[i];
  if (privacy_.clip > 0) {
    const auto factor = static_cast<nn::real>(clip_factor(update.values, privacy_.clip));
    for (nn::real& value : update.values) value *= factor;
    add_noise(update.values, privacy_.noise * privacy_.clip, client.generator);
  }
  if (attacks)
    attack_->alter({client.client, client.round, tensors_, client.generator},
                   update.values.first(size));
  Trained trained{.values = update.values,
                  .state = update.state,
                  .buffers = {},
                  .residual = {},
                  .bytes = bytes_of(update.values.size())};
  if (compression_ && nn::all_finite(update.values)) {
    trained.residual = std::move(residual);
    const std::span<nn::real> change = update.values.first(update.values.size() - extra_numbers_);
    trained.bytes = compression_->compress(change, trained.residual, client.generator) +
                    bytes_of(extra_numbers_);
  }
  return trained;
}

std::span<const nn::real> Sender::received(std::span<const nn::real> aggregate,
                                           std::span<const nn::real> extra,
                                           std::span<const nn::real> weights) {
  if (!converts_ && extra.empty()) return aggregate;
  received_.assign(aggregate.begin(), aggregate.end());
  if (converts_)
    for (std::size_t i = 0; i < weights.size(); ++i) received_[i] += weights[i];
  received_.insert(received_.end(), extra.begin(), extra.end());
  return received_;
}

}  // namespace fl
