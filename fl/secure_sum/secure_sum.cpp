#include "fl/secure_sum/secure_sum.h"

#include <map>
#include <utility>

#include "fl/secure_sum/client.h"
#include "nn/base/error.h"

namespace fl {

namespace {

// Removes the masks from the sum: each client's own stream, and what clients in the sum share with
// those that are not.
void remove_masks(std::vector<std::uint64_t>& sum, const std::map<int, std::vector<Share>>& shares,
                  const std::vector<bool>& has_input, const std::map<int, PublicKeys>& keys) {
  for (const auto& [client, of_client] : shares) {
    const Secret secret = recover_secret(of_client);
    if (has_input[client]) {
      add_mask(sum, secret, Sign::minus);
      continue;
    }
    // Had its input arrived, its masks would have cancelled those of the others.
    for (const auto& [other, other_keys] : keys)
      if (has_input[other]) add_pair_mask(sum, client, secret, other, other_keys.mask);
  }
}

}  // namespace

std::string_view name_of(Step step) {
  constexpr std::string_view names[] = {"advertise keys", "share keys", "masked input", "unmask",
                                        "none"};
  return names[static_cast<int>(step)];
}

SecureSum secure_sum(std::vector<std::vector<std::uint64_t>> inputs, std::span<const Step> drops,
                     int threshold) {
  const int count = static_cast<int>(inputs.size());
  nn::require(count >= 1 && count <= 255 && drops.size() == inputs.size(), "secure sum: ", count,
              " clients, ", drops.size(), " steps");
  std::vector<SecureClient> clients;
  for (int u = 0; u < count; ++u) clients.emplace_back(u);
  int left = 0;
  const auto takes_part = [&](int client, Step step) {
    left += drops[client] > step;
    return drops[client] > step;
  };

  std::map<int, PublicKeys> keys;
  for (int u = 0; u < count; ++u)
    if (takes_part(u, Step::advertise_keys)) keys[u] = clients[u].advertise_keys();
  if (left < threshold) return {{}, Step::advertise_keys, left};

  left = 0;
  std::map<int, std::map<int, SealedShares>> messages;  // by recipient and sender
  for (const auto& [u, own] : keys)
    if (takes_part(u, Step::share_keys))
      for (auto& [recipient, sealed] : clients[u].share_keys(keys, threshold))
        messages[recipient][u] = std::move(sealed);
  if (left < threshold) return {{}, Step::share_keys, left};

  left = 0;
  std::vector<std::uint64_t> sum(inputs[0].size());
  std::vector<bool> has_input(count);
  for (const auto& [u, own] : keys)
    if (takes_part(u, Step::masked_input)) {
      nn::require(inputs[u].size() == sum.size(), "secure sum: vectors of different sizes");
      const auto masked = clients[u].mask(std::move(inputs[u]), messages[u]);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += masked[i];
      has_input[u] = true;
    }
  if (left < threshold) return {{}, Step::masked_input, left};

  left = 0;
  std::map<int, std::vector<Share>> shares;  // by the client whose secret they are of
  for (const auto& [u, own] : keys)
    if (takes_part(u, Step::unmask))
      for (const auto& [of, share] : clients[u].unmask(has_input)) shares[of].push_back(share);
  if (left < threshold) return {{}, Step::unmask, left};
  remove_masks(sum, shares, has_input, keys);
  return {std::move(sum), Step::none, left};
}

}  // namespace fl
