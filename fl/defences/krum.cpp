#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "fl/clocks/clocks.h"
#include "fl/config.h"
#include "fl/defences/defences.h"
#include "fl/defences/nearest.h"
#include "fl/defences/trimmed_mean.h"
#include "fl/defences/vectors.h"
#include "nn/base/error.h"

namespace fl {

namespace {

using nn::real;

// Chooses updates and aggregates them:
// - Krum (Blanchard et al. 2017, section 4) takes one;
// - multi-Krum (section 5) takes several and their mean, weighted by samples;
// - Bulyan (El Mhamdi et al. 2018, algorithm 2) as the course has it: multi-Krum, trimmed mean.
class Krum : public HeldUpdates {
 public:
  using Aggregate = std::function<void(const UpdateMatrix& chosen, std::span<real> result)>;
  Krum(int keep, int byzantine, Aggregate aggregate)
      : keep_(keep), byzantine_(byzantine), aggregate_(std::move(aggregate)) {}

  std::vector<int> selected() const override { return selected_; }

 private:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    updates.keep_only(choose_by_krum(updates, keep_, byzantine_));
    selected_ = updates.clients;
    std::ranges::sort(selected_);
    aggregate_(updates, result);
  }

  int keep_, byzantine_;
  Aggregate aggregate_;
  std::vector<int> selected_;
};

void weighted_mean(const UpdateMatrix& updates, std::span<real> result) {
  weighted_sum(updates, updates.shares(), result);
}

}  // namespace

std::unique_ptr<Aggregation> make_krum(const Config& config) {
  return std::make_unique<Krum>(1, int_option(config, "byzantine"), weighted_mean);
}

std::unique_ptr<Aggregation> make_multi_krum(const Config& config) {
  return std::make_unique<Krum>(int_option(config, "keep"), int_option(config, "byzantine"),
                                weighted_mean);
}

std::unique_ptr<Aggregation> make_bulyan(const Config& config) {
  return std::make_unique<Krum>(
      int_option(config, "keep"), int_option(config, "byzantine"),
      [trim = option(config, "trim")](const UpdateMatrix& chosen, std::span<real> result) {
        trimmed_mean(chosen, trim, result);
      });
}

static std::string up_to(int most) { return nn::concat(most, most > 0 ? " or less" : ""); }
static std::string more_clients(const Config& config) {
  return config.clock && config.clock->is_asynchronous ? "a larger --buffer-size"
                                                       : "a larger --fraction";
}

void check_krum(const Config& config, int clients_per_round) {
  const int n = clients_per_round, f = int_option(config, "byzantine");
  if (n >= 2 * f + 3) return;
  throw nn::InputError(
      nn::concat(config.defence->name, " needs n >= 2 f + 3: a round has n = ", n,
                 n == 1 ? " client" : " clients", ", --byzantine is f = ", f),
      n < 3 ? nn::concat("a round needs 3 clients or more: choose ", more_clients(config))
            : nn::concat("choose --byzantine ", up_to((n - 3) / 2), ", or ", more_clients(config)));
}

void check_multi_krum(const Config& config, int clients_per_round) {
  check_krum(config, clients_per_round);
  const int n = clients_per_round, f = int_option(config, "byzantine"),
            keep = int_option(config, "keep");
  if (n >= keep + f + 1) return;
  throw nn::InputError(
      nn::concat(config.defence->name, " needs n >= keep + f + 1: a round has n = ", n,
                 " clients, --keep is ", keep, ", --byzantine is f = ", f),
      nn::concat("choose --keep ", up_to(n - f - 1), ", or ", more_clients(config)));
}

void check_bulyan(const Config& config, int clients_per_round) {
  check_multi_krum(config, clients_per_round);
  check_trim(config.defence->name, int_option(config, "keep"), option(config, "trim"));
}

}  // namespace fl
