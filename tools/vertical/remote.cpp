#include "tools/vertical/remote.h"

#include <algorithm>
#include <string>

#include "nn/base/error.h"
#include "nn/real.h"
#include "pipeline/mailbox/frame.h"

namespace vertical {

using fl::vertical::Config, fl::vertical::Pass;
using pipeline::Mailbox, pipeline::Tag;

nn::ConstView view_of(const pipeline::Message& message, nn::Shape shape) {
  if (message.bytes.size() != shape.size() * sizeof(nn::real))
    throw nn::Error(
        nn::concat("a message of ", message.bytes.size(), " bytes is no tensor ", shape));
  return {message.numbers().data(), shape};
}

RemoteClient::RemoteClient(Mailbox& mailbox, const Config& config, int client)
    : mailbox_(mailbox), rank_(client + 1), width_(2 * config.columns.at(client)) {}

nn::ConstView RemoteClient::forward(const Pass& pass) {
  mailbox_.begin_step(++step_);
  activations_ = mailbox_.receive(rank_, {Tag::activation, step_},
                                  nn::concat("waiting for client ", rank_ - 1, "'s activations"));
  return view_of(activations_, {pass.rows, width_});
}

void RemoteClient::backward(nn::ConstView gradient) {
  mailbox_.wait([&] { return lease_.is_free(); }, "sending a gradient");
  gradient_ = nn::Tensor(gradient.shape, {gradient.begin(), gradient.end()});
  mailbox_.send(rank_, {Tag::gradient, step_}, gradient_.span(), lease_);
}

void serve(fl::vertical::LocalClient& client, const Config& config, Mailbox& mailbox) {
  pipeline::Lease lease;
  int step = 0;
  for (const Pass& pass : fl::vertical::passes_of(config)) {
    mailbox.begin_step(step);
    const nn::ConstView activations = client.forward(pass);
    mailbox.send(0, {Tag::activation, step}, activations.span(), lease);
    if (pass.is_training) {
      const auto message = mailbox.receive(0, {Tag::gradient, step}, "waiting for a gradient");
      client.backward(view_of(message, activations.shape));
    }
    mailbox.wait([&] { return lease.is_free(); }, "sending activations");
    ++step;
  }
}

Mailbox::Rule rule_between(int rank, const Accepts& accepts) {
  constexpr std::size_t longest_text = 4096;  // of a greeting or a failure
  return [=](int from, Tag tag, std::size_t bytes, int step) {
    if (tag.kind == Tag::hello || tag.kind == Tag::failure)
      return tag == Tag{tag.kind} && bytes <= longest_text;
    if (tag.kind == Tag::goodbye) return tag == Tag{tag.kind} && bytes == 0;
    return (rank == 0) == (from > 0) && tag == Tag{tag.kind, tag.step} &&
           (tag.step == step || tag.step == step + 1) &&
           accepts((rank == 0 ? from : rank) - 1, tag.kind, bytes);
  };
}

Mailbox::Rule rule_of(const Config& config, int rank) {
  const int most_rows = std::max(config.batch, config.rows - config.train_rows);
  return rule_between(rank, [=](int client, Tag::Kind kind, std::size_t bytes) {
    return kind == (rank == 0 ? Tag::activation : Tag::gradient) &&
           bytes <= most_rows * 2 * config.columns[client] * sizeof(nn::real);
  });
}

std::string terms_of(const Config& config) {
  std::string columns;
  for (const nn::index count : config.columns) columns += nn::concat(' ', count);
  const auto& quirks = config.quirks;
  return nn::concat(
      "columns", columns, "\nclasses ", config.classes, "\nrows ", config.rows, "\ntraining rows ",
      config.train_rows, "\nepochs ", config.epochs, "\nbatch ", config.batch, "\nlearning rate ",
      config.learning_rate, "\ndropout ", config.dropout, "\nseed ", config.seed,
      "\ndropout stream ", config.stream == nn::DropoutStream::mt ? "mt" : "mkl", "\nquirks ",
      quirks.accumulates, quirks.drops_scores, quirks.drops_in_testing, quirks.trains_top_alone);
}

}  // namespace vertical
