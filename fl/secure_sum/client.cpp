#include "fl/secure_sum/client.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nn/base/error.h"

namespace fl {

namespace {

using Nonce = std::array<unsigned char, crypto_secretbox_NONCEBYTES>;

// The key of two clients is new in every round, and each sends one message with it.
Nonce nonce_of(int sender) {
  Nonce nonce{};
  nonce[0] = static_cast<unsigned char>(sender);
  return nonce;
}

}  // namespace

void add_pair_mask(std::vector<std::uint64_t>& values, int client, const Secret& key, int other,
                   const Secret& other_public) {
  add_mask(values, agree(key, other_public), client < other ? Sign::plus : Sign::minus);
}

PublicKeys SecureClient::advertise_keys() {
  message_keys_ = make_keys();
  mask_keys_ = make_keys();
  return {message_keys_.public_key, mask_keys_.public_key};
}

std::map<int, SealedShares> SecureClient::share_keys(const std::map<int, PublicKeys>& keys,
                                                     int threshold) {
  keys_ = keys;
  seed_ = random_secret();
  const int count = static_cast<int>(keys.size());
  const std::vector<Share> seeds = split_secret(seed_, threshold, count),
                           mask_keys = split_secret(mask_keys_.secret_key, threshold, count);
  std::map<int, SealedShares> messages;
  int next = 0;
  for (const auto& [other, public_keys] : keys) {
    const Held shares{seeds[next], mask_keys[next]};
    ++next;
    std::vector<unsigned char> text{shares.seed.point};
    text.insert(text.end(), shares.seed.values.begin(), shares.seed.values.end());
    text.insert(text.end(), shares.mask_key.values.begin(), shares.mask_key.values.end());
    SealedShares& sealed = messages[other];
    sealed.resize(crypto_secretbox_MACBYTES + text.size());
    crypto_secretbox_easy(sealed.data(), text.data(), text.size(), nonce_of(number_).data(),
                          agree(message_keys_.secret_key, public_keys.message).data());
  }
  return messages;
}

SecureClient::Held SecureClient::open(const SealedShares& message, int sender) const {
  std::array<unsigned char, 1 + 2 * sizeof(Secret)> text;
  nn::require(message.size() == crypto_secretbox_MACBYTES + text.size() &&
                  crypto_secretbox_open_easy(
                      text.data(), message.data(), message.size(), nonce_of(sender).data(),
                      agree(message_keys_.secret_key, keys_.at(sender).message).data()) == 0,
              "secure sum: the shares of client ", sender, " are damaged");
  Held held{{text[0], {}}, {text[0], {}}};
  std::copy_n(text.begin() + 1, sizeof(Secret), held.seed.values.begin());
  std::copy_n(text.begin() + 1 + sizeof(Secret), sizeof(Secret), held.mask_key.values.begin());
  return held;
}

std::vector<std::uint64_t> SecureClient::mask(std::vector<std::uint64_t> input,
                                              const std::map<int, SealedShares>& received) {
  for (const auto& [sender, message] : received) held_[sender] = open(message, sender);
  add_mask(input, seed_, Sign::plus);
  for (const auto& [other, shares] : held_)
    if (other != number_)
      add_pair_mask(input, number_, mask_keys_.secret_key, other, keys_.at(other).mask);
  return input;
}

std::vector<Revealed> SecureClient::unmask(const std::vector<bool>& has_input) const {
  std::vector<Revealed> revealed;
  for (const auto& [other, shares] : held_)
    revealed.push_back({other, has_input[other] ? shares.seed : shares.mask_key});
  return revealed;
}

}  // namespace fl
