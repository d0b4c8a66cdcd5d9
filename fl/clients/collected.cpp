#include "fl/clients/collected.h"

#include <span>

namespace fl {

void Collected::add(const ClientUpdate& update, Trained& trained, std::vector<nn::real> state,
                    Aggregation& aggregation, const Attack* attack) {
  const int client = update.client;
  if (attack && attack->colludes())
    held_.push_back({update, {update.values.begin(), update.values.end()}});
  else
    aggregation.add(update);
  extra.add(
      {client, trained.values.subspan(update.values.size()), update.weight, update.round_weight});
  buffers.add({client, trained.buffers, update.weight, update.round_weight});
  if (!state.empty()) states.emplace_back(client, std::move(state));
  if (!trained.residual.empty()) residuals.emplace_back(client, std::move(trained.residual));
  ++participants;
  loss_sum += update.weight * trained.loss;
  weight += update.weight;
}

void Collected::collude(const Sender& sender, std::size_t weights, Aggregation& aggregation) {
  if (held_.empty()) return;
  std::vector<RoundUpdate> all;
  for (auto& [update, values] : held_) {
    update.values = values;
    all.push_back(
        {update.client, sender.is_malicious(update.client), std::span(values).first(weights)});
  }
  sender.attack()->collude(all);
  for (const Held& held : held_) aggregation.add(held.update);
}

void Collected::forget(const Exclusion& exclusion) {
  const auto is_its = [&](const auto& kept) { return kept.first == exclusion.client; };
  std::erase_if(states, is_its);
  std::erase_if(residuals, is_its);
  --participants;
  excluded.push_back(exclusion);
}

}  // namespace fl
