#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"
#include "nn/base/error.h"

namespace fl {

namespace {

using nn::real;

// FedBN (Li et al. 2021, section 3): FedAvg, but each client keeps its batch normalisation, weights
// and running statistics, from round to round. The server's mean of these is for its own test, and
// for clients in their first round.
class FedBn : public Algorithm {
 public:
  explicit FedBn(const nn::Parameters& parameters) {
    std::set<std::string_view> layers;  // those with running statistics
    for (const nn::BufferInfo& buffer : parameters.buffer_infos())
      layers.insert(layer_of(buffer.name));
    for (const nn::ParameterInfo& info : parameters.infos())
      if (layers.contains(layer_of(info.name))) {
        kept_.push_back(
            {static_cast<std::size_t>(info.offset), static_cast<std::size_t>(info.shape.size())});
        kept_size_ += kept_.back().size;
      }
  }

  Update train(ClientContext& client) const override {
    const std::span<real> weights = client.worker.weights(), buffers = client.worker.buffers();
    const std::span<real> own = client.worker.scratch(kept_size_ + buffers.size());
    if (client.copy_state(own)) personalise(own, weights, buffers);
    train_epochs(client);
    auto end = own.begin();
    for (const auto& [offset, size] : kept_)
      end = std::ranges::copy(weights.subspan(offset, size), end).out;
    std::ranges::copy(buffers, end);
    return {weights, own};
  }

  void personalise(std::span<const real> state, std::span<real> weights,
                   std::span<real> buffers) const override {
    if (state.empty()) return;
    const std::size_t all = kept_size_ + buffers.size();
    nn::require(state.size() == all, "fedbn: a normalisation of ", state.size(), " numbers, not ",
                all);
    for (const auto& [offset, size] : kept_) {
      std::ranges::copy(state.first(size), weights.subspan(offset).begin());
      state = state.subspan(size);
    }
    std::ranges::copy(state, buffers.begin());
  }

 private:
  struct Range {
    std::size_t offset, size;
  };
  // "norm1" of "norm1.weight"
  static std::string_view layer_of(std::string_view name) {
    return name.substr(0, name.rfind('.'));
  }

  std::vector<Range> kept_;  // of the weights
  std::size_t kept_size_ = 0;
};

}  // namespace

std::unique_ptr<Algorithm> make_fedbn(const Config& config, std::size_t) {
  nn::Generator unused;
  return std::make_unique<FedBn>(config.make_model(unused)->parameters());
}

}  // namespace fl
