#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "fl/secure_sum/keys.h"
#include "fl/secure_sum/shamir.h"

namespace fl {

// What a client says in step 1.
struct PublicKeys {
  Secret message, mask;
};

// To another client, by way of the server, which cannot read it: shares of two secrets.
using SealedShares = std::vector<unsigned char>;

// In step 4, what a client knows of another one's secrets: one of the two, never both.
struct Revealed {
  int of;
  Share share;
};

// A client of secure_sum(), which gives each step's messages. Clients are numbered from 0.
class SecureClient {
 public:
  explicit SecureClient(int number) : number_(number) {}

  PublicKeys advertise_keys();
  // By recipient; `keys` are those of all clients that advertised some.
  std::map<int, SealedShares> share_keys(const std::map<int, PublicKeys>& keys, int threshold);
  // `received`: the shares from every client that has sent some, by sender.
  std::vector<std::uint64_t> mask(std::vector<std::uint64_t> input,
                                  const std::map<int, SealedShares>& received);
  // Of its secret b for clients whose input is there, else of the key for masks.
  std::vector<Revealed> unmask(const std::vector<bool>& has_input) const;

 private:
  struct Held {
    Share seed, mask_key;
  };
  Held open(const SealedShares& message, int sender) const;

  int number_;
  KeyPair message_keys_, mask_keys_;
  Secret seed_{};  // b
  std::map<int, PublicKeys> keys_;
  std::map<int, Held> held_;  // by the client whose secrets they are of
};

// Adds the mask that `client`, whose secret key this is, shares with another one.
void add_pair_mask(std::vector<std::uint64_t>& values, int client, const Secret& key, int other,
                   const Secret& other_public);

}  // namespace fl
