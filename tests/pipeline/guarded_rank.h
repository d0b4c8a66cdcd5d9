#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "pipeline/mailbox/mailbox.h"
#include "tests/pipeline/local_ports.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

// Rank 0 of three in run 3, and clients that try to connect to it.
struct GuardedRank {
  tools::TemporaryFolder folder;
  std::vector<std::string> addresses{local_address(40), local_address(41), local_address(42)};
  zmq::context_t context;
  std::optional<Network> network;
  std::optional<Mailbox> mailbox;

  GuardedRank() { make_keys(folder.path, 3); }

  Keys keys_of(int rank) const { return read_keys(folder.path, rank, 3); }
  Mailbox::Options options() const { return {.addresses = addresses, .run = 3}; }
  Mailbox::Options with_keys() const {
    Mailbox::Options options = this->options();
    options.keys = keys_of(0);
    return options;
  }
  void open(Mailbox::Options options) {
    mailbox.reset();
    network.emplace();
    mailbox.emplace(*network, std::move(options));
  }

  int count(const std::string& what) {
    const auto found = mailbox->strangers().find(what);
    return found == mailbox->strangers().end() ? 0 : found->second;
  }
  void expect(const std::string& what, int times) {
    CAPTURE(what);
    CHECK_NOTHROW(mailbox->wait([&] { return count(what) >= times; }, "counting strangers"));
  }

  // A client of rank 0, with a key of its own if there is one.
  zmq::socket_t client(const std::string& secret = "",
                       std::chrono::milliseconds handshake = std::chrono::seconds(30)) {
    zmq::socket_t socket(context, zmq::socket_type::push);
    socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(handshake.count()));
    socket.set(zmq::sockopt::linger, 0);
    if (!secret.empty()) {
      char public_key[41];
      REQUIRE(zmq_curve_public(public_key, secret.c_str()) == 0);
      socket.set(zmq::sockopt::curve_publickey, std::string(public_key));
      socket.set(zmq::sockopt::curve_secretkey, secret);
      socket.set(zmq::sockopt::curve_serverkey, keys_of(0).public_keys[0]);
    }
    socket.connect(addresses[0]);
    return socket;
  }
};

}  // namespace pipeline
