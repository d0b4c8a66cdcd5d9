#include <algorithm>
#include <cmath>
#include <utility>

#include "fl/clocks/clocks.h"

namespace fl {

namespace {

// FedBuff (Nguyen et al. 2022, "Federated learning with buffered asynchronous aggregation",
// algorithm 1). As many clients as --fraction says train at any time, each from the weights that
// were the newest when it started. As soon as K = 3 updates are there, the server moves:
//
//   client 4    0=======|              1==========|
//   client 7    0===========|          1=====|
//   client 2    0=================|       1===========...
//   server      0 . . . . . . . . . . 1 . . . . . . 2
//
// A change that started t rounds ago counts (1 + t)^-a. A client sends at most one update a round.
// Updates that arrive at the same moment are taken before other clients start, so equal devices
// and K = concurrency give synchronous rounds.
class FedBuff : public Schedule {
 public:
  FedBuff(const Config& config, World world, int concurrency)
      : world_(std::move(world)),
        concurrency_(concurrency),
        buffer_size_(int_option(config, "buffer-size")),
        exponent_(option(config, "staleness-exponent")),
        choices_(config.seed) {}

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<FedBuff>(*this); }

  std::vector<Turn> next() override {
    std::vector<Turn> turns;
    const double begin = now_;
    int updates = 0, ages = 0;
    while (updates < buffer_size_) {
      auto first = std::ranges::min_element(in_flight_, {}, &Flight::arrival);
      if (first == in_flight_.end() || first->arrival > now_) {
        start_clients(turns);
        first = std::ranges::min_element(in_flight_, {}, &Flight::arrival);
      }
      if (first == in_flight_.end()) break;  // every client has had its turn
      now_ = first->arrival;
      Turn& turn = turns.emplace_back(first->turn);
      in_flight_.erase(first);
      const int age = version_ - turn.version;
      turn.factor = std::pow(1 + age, -exponent_);
      if (turn.drops_out || !world_.has_samples(turn.client)) continue;
      ++updates;
      ages += age;
    }
    ++version_;
    seconds_ = now_ - begin;
    staleness_ = static_cast<double>(ages) / std::max(1, updates);
    return turns;
  }

  std::optional<double> seconds() const override { return seconds_; }
  // How many rounds ago the clients of this round started, on average.
  std::map<std::string, double> measures() const override { return {{"Staleness", staleness_}}; }

  std::set<int> versions_in_flight() const override {
    std::set<int> versions;
    for (const Flight& flight : in_flight_) versions.insert(flight.turn.version);
    return versions;
  }

 private:
  struct Flight {
    Turn turn;
    double arrival;
  };

  // Fills the free places with clients that are neither in flight nor had a turn in this round.
  void start_clients(const std::vector<Turn>& turns) {
    std::vector<bool> is_busy(world_.clients());
    for (const Flight& flight : in_flight_) is_busy[flight.turn.client] = true;
    for (const Turn& turn : turns) is_busy[turn.client] = true;
    std::vector<int> idle;
    for (int client = 0; client < world_.clients(); ++client)
      if (!is_busy[client]) idle.push_back(client);
    const auto all = static_cast<int>(idle.size());
    const int places = std::min(concurrency_ - static_cast<int>(in_flight_.size()), all);
    if (places == 0) return;
    for (int i : choices_.choice(all, places)) {
      const Turn turn{idle[i], starts_, version_, world_.drops_out()};
      const bool sends = !turn.drops_out && world_.has_samples(turn.client);
      in_flight_.push_back({turn, now_ + world_.until_upload(turn.client) +
                                      (sends ? world_.upload(turn.client) : 0)});
    }
    ++starts_;
  }

  World world_;
  int concurrency_, buffer_size_;
  double exponent_;
  nn::numpy::Generator choices_;
  std::vector<Flight> in_flight_;  // in the order in which they started
  double now_ = 0, seconds_ = 0, staleness_ = 0;
  int version_ = 0, starts_ = 0;
};

}  // namespace

std::unique_ptr<Schedule> make_fedbuff(const Config& config, World world, int clients) {
  return std::make_unique<FedBuff>(config, std::move(world), clients);
}

}  // namespace fl
