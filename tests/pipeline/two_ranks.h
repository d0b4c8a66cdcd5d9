#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "tools/program/temporary_folder.h"

// Ranks of a test, and their messages when they fail.
namespace pipeline {

inline std::string address_of(int rank, const tools::TemporaryFolder& folder) {
  return "ipc://" + (folder.path / std::to_string(rank)).string();
}

// Runs f(mailbox) on each of two ranks that have met, and says goodbye.
template <class Function>
void two_ranks(const std::vector<std::string>& addresses, Function f) {
  Network networks[2];
  std::exception_ptr failures[2];
  const auto run = [&](int rank) {
    try {
      Mailbox mailbox(networks[rank], {.rank = rank, .addresses = addresses, .run = 7});
      mailbox.meet("same\nterms", std::chrono::seconds(10));
      f(mailbox);
      mailbox.part();
    } catch (...) {
      failures[rank] = std::current_exception();
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace pipeline
