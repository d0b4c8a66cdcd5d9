#include "tools/vertical/remote_coder.h"

#include <cstddef>

#include "fl/vertical/config.h"
#include "nn/base/error.h"
#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "tools/vertical/remote.h"

namespace vertical {

using fl::vertical::code_width, fl::vertical::Config, fl::vertical::Pass;
using pipeline::Mailbox, pipeline::Tag;

nn::ConstView RemoteCoder::encode(const Pass& pass) {
  mailbox_.begin_step(++step_);
  shape_ = {pass.rows, code_width};
  encodings_ = mailbox_.receive(rank_, {Tag::activation, step_},
                                nn::concat("waiting for client ", rank_ - 1, "'s encodings"));
  return view_of(encodings_, shape_);
}

void RemoteCoder::decode(nn::ConstView output) {
  mailbox_.send_copy(rank_, {Tag::activation, step_}, output.span());
}

fl::vertical::Coder::Decoded RemoteCoder::decoded() {
  const std::string what = nn::concat("waiting for client ", rank_ - 1, " to decode");
  gradient_ = mailbox_.receive(rank_, {Tag::gradient, step_}, what);
  return {mailbox_.receive_number(rank_, {Tag::loss, step_}, what), view_of(gradient_, shape_)};
}

void RemoteCoder::learn(nn::ConstView gradient) {
  mailbox_.send_copy(rank_, {Tag::gradient, step_}, gradient.span());
}

void serve(fl::vertical::LocalCoder& client, const Config& config, Mailbox& mailbox) {
  int step = 0;
  for (const Pass& pass : fl::vertical::passes_of(config)) {
    if (!pass.is_training) break;
    const nn::Shape shape{pass.rows, code_width};
    mailbox.begin_step(step);
    mailbox.send_copy(0, {Tag::activation, step}, client.encode(pass).span());
    client.decode(view_of(
        mailbox.receive(0, {Tag::activation, step}, "waiting for the server's output"), shape));
    const auto [error, gradient] = client.decoded();
    mailbox.send_copy(0, {Tag::gradient, step}, gradient.span());
    mailbox.send_number(0, {Tag::loss, step}, error);
    client.learn(
        view_of(mailbox.receive(0, {Tag::gradient, step}, "waiting for a gradient"), shape));
    ++step;
  }
}

Mailbox::Rule coder_rule_of(const Config& config, int rank) {
  const std::size_t most_bytes = config.batch * code_width * sizeof(nn::real);
  return rule_between(rank, [=](int, Tag::Kind kind, std::size_t bytes) {
    if (kind == Tag::loss) return rank == 0 && bytes == sizeof(double);
    return (kind == Tag::activation || kind == Tag::gradient) && bytes <= most_bytes;
  });
}

}  // namespace vertical
