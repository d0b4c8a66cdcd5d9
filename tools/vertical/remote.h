#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "fl/vertical/client.h"
#include "fl/vertical/config.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"

// Split learning between processes: rank 0 is the server, rank 1 + i is client i.
namespace vertical {

// A client in another process, as the server's end of the connection.
class RemoteClient : public fl::vertical::Client {
 public:
  RemoteClient(pipeline::Mailbox& mailbox, const fl::vertical::Config& config, int client);
  nn::ConstView forward(const fl::vertical::Pass& pass) override;
  void backward(nn::ConstView gradient) override;

 private:
  pipeline::Mailbox& mailbox_;
  int rank_, step_ = -1;
  nn::index width_;
  pipeline::Message activations_;
  nn::Tensor gradient_;  // on its way
  pipeline::Lease lease_;
};

// A client's side of the whole run: for every pass it sends activations, and gets their gradient.
void serve(fl::vertical::LocalClient& client, const fl::vertical::Config& config,
           pipeline::Mailbox& mailbox);

// The messages that a rank accepts: greetings and goodbyes; a client gradients from the server, the
// server activations from clients, both of this step or the next and of the size of a pass.
pipeline::Mailbox::Rule rule_of(const fl::vertical::Config& config, int rank);

// The same for other messages between the server and this client, that `accepts` them by kind and
// size.
using Accepts = std::function<bool(int client, pipeline::Tag::Kind kind, std::size_t bytes)>;
pipeline::Mailbox::Rule rule_between(int rank, const Accepts& accepts);

// The numbers of a message. Throws nn::Error if there are not as many as the shape has.
nn::ConstView view_of(const pipeline::Message& message, nn::Shape shape);

// What all ranks must agree on, one per line.
std::string terms_of(const fl::vertical::Config& config);

}  // namespace vertical
