#pragma once

#include "fl/vertical/coder.h"
#include "fl/vertical/config.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/mailbox.h"

// The joint VAE between processes: rank 0 is the server, rank 1 + i is client i. In each step a
// client sends its encodings, and gets the server's output; it sends its error with the output's
// gradient, and gets that of its encodings.
namespace vertical {

// A client in another process, as the server's end of the connection.
class RemoteCoder : public fl::vertical::Coder {
 public:
  RemoteCoder(pipeline::Mailbox& mailbox, int client) : mailbox_(mailbox), rank_(client + 1) {}
  nn::ConstView encode(const fl::vertical::Pass& pass) override;
  void decode(nn::ConstView output) override;
  Decoded decoded() override;
  void learn(nn::ConstView gradient) override;

 private:
  pipeline::Mailbox& mailbox_;
  int rank_, step_ = -1;
  nn::Shape shape_;
  pipeline::Message encodings_, gradient_;
};

// A client's side of the whole run.
void serve(fl::vertical::LocalCoder& client, const fl::vertical::Config& config,
           pipeline::Mailbox& mailbox);

// The messages that a rank accepts, as in split learning (remote.h).
pipeline::Mailbox::Rule coder_rule_of(const fl::vertical::Config& config, int rank);

}  // namespace vertical
