#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fl/executor.h"
#include "tools/ranks/connection.h"

namespace ranks {

// Trains the clients of a round on the threads of rank 0 and of all other ranks. The clients of a
// rank that is lost are given to others in the same round; when none is left, rank 0 trains alone.
class RankExecutor : public fl::Executor {
 public:
  // `on_loss` is told of each rank that is lost. The threads must outlive the executor's rounds.
  using Connections = std::vector<std::unique_ptr<Connection>>;
  RankExecutor(fl::ThreadExecutor& own, Connections others,
               std::function<void(const std::string& what)> on_loss);
  ~RankExecutor() override;  // lets the other ranks end

  void train(int count, const Assign& assign, const Take& take) override;

 private:
  // A thread, here or elsewhere, that trains one client at a time.
  struct Hand {
    fl::ClientWorker* worker = nullptr;
    Connection* connection = nullptr;
    std::unique_ptr<fl::ClientWorker> spare = {};  // once every other rank is lost
    Parcel<fl::Trained> parcel = {};
  };
  fl::Trained train_with(Hand& hand, const fl::Assignment& assignment);
  Connection* replacement();

  fl::ThreadExecutor& own_;
  Connections others_;
  std::function<void(const std::string&)> on_loss_;
  std::vector<Hand> hands_;
  mutable std::mutex mutex_;  // of the hands' connections
};

}  // namespace ranks
