#include "fl/vertical/server.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <span>

#include "fl/vertical/layers.h"
#include "fl/vertical/party.h"
#include "nn/base/error.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace fl::vertical {

namespace {

struct Result {
  int correct;
  double loss;
};

int count_correct(nn::ConstView scores, std::span<const int> labels) {
  int correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const nn::real* row = scores.data + i * scores.shape[1];
    correct += std::max_element(row, row + scores.shape[1]) - row == labels[i];
  }
  return correct;
}

class Server {
 public:
  Server(const Config& config, const std::vector<int>& labels, const Clients& clients)
      : config_(config),
        labels_(labels),
        clients_(clients),
        party_(config, config.clients()),
        width_(2 * std::accumulate(config.columns.begin(), config.columns.end(), nn::index{0})) {}

  Result take(const Pass& pass) {
    party_.begin(pass);
    nn::Tensor joined({pass.rows, width_});
    for (nn::index client = 0, first = 0; client < config_.clients(); ++client) {
      const nn::ConstView activations = clients_[client]->forward(pass);
      copy_columns(activations, joined.view(), first);
      first += activations.shape[1];
    }
    const nn::Var x = party_.tape().input(joined);
    const nn::Var scores = party_.forward(x);
    const auto labels = std::span(labels_).subspan(pass.first, pass.rows);
    const nn::Var loss = vertical::cross_entropy(scores, labels);
    const Result result{count_correct(scores.value(), labels), loss.value()[0]};
    if (pass.is_training) {
      party_.tape().backward(loss);
      return_gradients(x.gradient());
      party_.step();
    }
    return result;
  }

 private:
  static void copy_columns(nn::ConstView from, nn::View to, nn::index first) {
    const nn::index columns = from.shape[1];
    for (nn::index row = 0; row < from.shape[0]; ++row)
      std::copy_n(from.data + row * columns, columns, to.data + row * to.shape[1] + first);
  }

  void return_gradients(nn::ConstView joined) {
    nn::index first = 0;
    for (nn::index client = 0; client < config_.clients(); ++client) {
      nn::Tensor mine({joined.shape[0], 2 * config_.columns[client]});
      for (nn::index row = 0, width = mine.shape()[1]; row < mine.shape()[0]; ++row)
        std::copy_n(joined.data + row * joined.shape[1] + first, width, &mine[row * width]);
      first += mine.shape()[1];
      clients_[client]->backward(mine);
    }
  }

  const Config& config_;
  const std::vector<int>& labels_;
  const Clients& clients_;
  Party party_;
  nn::index width_;
};

}  // namespace

History train(const Config& config, const std::vector<int>& labels, const Clients& clients,
              const std::function<void(const Epoch&)>& on_epoch) {
  nn::require(std::ssize(labels) == config.rows && std::ssize(clients) == config.clients(),
              "vertical: ", labels.size(), " labels and ", clients.size(), " clients for ",
              config.rows, " rows and ", config.clients(), " clients");
  Server server(config, labels, clients);
  History history;
  int correct = 0, batches = 0;
  double loss = 0;
  for (const Pass& pass : passes_of(config)) {
    const Result result = server.take(pass);
    if (!pass.is_training) {
      history.test_accuracy = 100.0 * result.correct / pass.rows;
      continue;
    }
    correct += result.correct;
    loss += result.loss;
    ++batches;
    if (pass.first + pass.rows < config.train_rows) continue;
    history.epochs.push_back({100.0 * correct / config.train_rows, loss / batches});
    on_epoch(history.epochs.back());
    correct = batches = 0;
    loss = 0;
  }
  return history;
}

}  // namespace fl::vertical
