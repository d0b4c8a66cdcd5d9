#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "fl/workers/executor.h"
#include "tools/ranks/client_pipeline.h"
#include "tools/ranks/connection.h"

namespace ranks {

// Trains the clients of a round on the threads of rank 0 and of all other ranks. The clients of a
// rank that is lost are given to others in the same round; when none is left, rank 0 trains alone.
// A rank that is started again takes part from the next round on. If clients are cut into stages,
// the ranks are the leads of pipelines, and each trains one client at a time.
class RankExecutor : public fl::Executor {
 public:
  using Connections = std::vector<std::unique_ptr<Connection>>;
  // Waits for a lost rank to be started again, or until it is told to stop: null. Called in a
  // thread of its own.
  using Reconnect =
      std::function<std::unique_ptr<Connection>(int rank, const std::atomic<bool>& stop)>;
  // `pipeline`: that of rank 0's clients; null if they are not cut. `say` is told of ranks that are
  // lost or come back. The threads must outlive the executor.
  RankExecutor(fl::ThreadExecutor& own, std::unique_ptr<ClientPipeline> pipeline,
               Connections others, Reconnect reconnect,
               std::function<void(const std::string& what)> say);
  ~RankExecutor() override;  // lets the other ranks end

  void train(int count, const Assign& assign, const Take& take) override;
  // On all threads of rank 0 alone, where ranks have stages.
  void test(int count, const Assign& assign, const Take& take) override;

 private:
  // Where one client at a time is trained: a thread of rank 0 or of another rank.
  struct Slot {
    fl::ClientWorker* worker = nullptr;
    Connection* connection = nullptr;
    std::unique_ptr<fl::ClientWorker> spare = {};  // once every other rank is lost
    Parcel<fl::Trained> parcel = {};
  };
  void take_in_those_that_are_back();
  void share_out_slots();
  fl::Trained train_with(Slot& slot, const fl::Assignment& assignment);
  fl::Trained train_here(Slot& slot, const fl::Assignment& assignment);
  void lose(const Connection& connection, const std::string& why);
  Connection* replacement();

  fl::ThreadExecutor& own_;
  std::unique_ptr<ClientPipeline> pipeline_;
  int own_slots_;  // clients that rank 0 trains at the same time
  Connections others_;
  Reconnect reconnect_;
  std::function<void(const std::string&)> say_;
  std::vector<Slot> slots_;
  std::counting_semaphore<> own_threads_;
  mutable std::mutex mutex_;  // of the slots' connections, and of what follows
  std::atomic<bool> is_over_ = false;
  std::vector<std::future<std::unique_ptr<Connection>>> returns_;  // of lost ranks
};

}  // namespace ranks
