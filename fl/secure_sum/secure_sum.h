#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fl {

// Secure aggregation (Bonawitz et al. 2017, figure 4, without signatures: all follow the protocol):
// the server learns the sum of the clients' vectors modulo 2^64 and nothing else of them.
//
//   1  advertise keys  two pairs of X25519 keys a client: for messages, and for masks
//   2  share keys      shares of the key for masks and of an own seed b, encrypted for each client
//   3  masked input    x_u + stream(b_u) + sum over v > u of stream(s_uv) - the same over v < u
//   4  unmask          shares of b_u of those in the sum, of the mask key of those that dropped out
//                      after step 2
//
// All parties live in this process. Each client gives up in one step, or stays.
enum class Step { advertise_keys, share_keys, masked_input, unmask, none };
std::string_view name_of(Step step);

struct SecureSum {
  std::vector<std::uint64_t> sum;  // empty if fewer clients than the threshold were left
  Step failed = Step::none;        // the step with too few
  int left = 0;                    // clients in the last step
};

// inputs[u]: the vector of client u, all of one size; drops[u]: the step that it does not take part
// in any more. Clients that drop out in step 4 are in the sum. Throws nn::Error for more than 255
// clients.
SecureSum secure_sum(std::vector<std::vector<std::uint64_t>> inputs, std::span<const Step> drops,
                     int threshold);

}  // namespace fl
