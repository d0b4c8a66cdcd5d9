#include <algorithm>
#include <utility>

#include "fl/clocks/clocks.h"

namespace fl {

namespace {

// Rounds that wait for every chosen client, but not beyond the deadline. The server notices a
// client that drops out when its training would be over.
class Synchronous : public Rounds {
 public:
  Synchronous(const Config& config, World world, int clients_per_round)
      : Rounds(world.clients(), clients_per_round, config.seed),
        world_(std::move(world)),
        deadline_(option(config, "deadline")) {}

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<Synchronous>(*this); }

  std::vector<Turn> next() override {
    std::vector<Turn> turns = Rounds::next();
    longest_ = busy_ = 0;
    updates_ = 0;
    for (Turn& turn : turns) {
      turn.drops_out = world_.drops_out();
      longest_ = std::max(longest_, world_.until_upload(turn.client));
    }
    return turns;
  }

  bool is_in_time(const Turn& turn, std::int64_t bytes) override {
    const double seconds = world_.until_upload(turn.client) + world_.upload(turn.client, bytes);
    longest_ = std::max(longest_, seconds);
    if (deadline_ > 0 && seconds > deadline_) return false;
    busy_ += seconds;
    ++updates_;
    return true;
  }

  std::optional<double> seconds() const override {
    return deadline_ > 0 ? std::min(longest_, deadline_) : longest_;
  }

  // Of the time of the clients whose updates were taken, the part after these, in percent.
  std::map<std::string, double> measures() const override {
    if (updates_ == 0) return {};
    return {{"Waiting", 100 * (1 - busy_ / (updates_ * *seconds()))}};
  }

 private:
  World world_;
  double deadline_;
  double longest_ = 0, busy_ = 0;  // seconds in this round
  int updates_ = 0;
};

}  // namespace

std::unique_ptr<Schedule> make_synchronous(const Config& config, World world, int clients) {
  return std::make_unique<Synchronous>(config, std::move(world), clients);
}

}  // namespace fl
