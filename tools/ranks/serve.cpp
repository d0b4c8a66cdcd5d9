#include "tools/ranks/serve.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/mailbox/frame.h"

namespace ranks {

using pipeline::Mailbox, pipeline::Message, pipeline::Tag;

namespace {

// Clients that wait for a thread, and updates that wait to be sent.
class ClientQueue {
 public:
  struct Job {
    int number;
    Message assignment, weights;
  };
  struct Done {
    int number;
    std::string update;
  };

  // A thread for each worker.
  explicit ClientQueue(fl::ThreadExecutor& executor) {
    for (fl::ClientWorker& worker : executor.workers())
      threads_.emplace_back([&](const std::stop_token& stop) { work(executor, worker, stop); });
  }

  void add(Job job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_one();
  }

  int clients() const { return clients_; }  // that it has trained; call it when all are done

  // What has been done since the last call. Throws what training threw.
  std::vector<Done> take() {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    return std::exchange(done_, {});
  }

 private:
  void work(fl::ThreadExecutor& executor, fl::ClientWorker& worker, const std::stop_token& stop) {
    try {
      for (;;) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [this] { return !jobs_.empty(); }) || stop.stop_requested())
          return;
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        Parcel<fl::Assignment> parcel = assignment_of(job.assignment.bytes);
        const std::size_t size = worker.weights().size();
        const std::span<const nn::real> numbers = job.weights.numbers();
        nn::require(numbers.size() >= size, "ranks: got ", numbers.size(), " of ", size,
                    " weights");
        parcel.value.received.weights = numbers.first(size);
        parcel.value.received.broadcast = numbers.subspan(size);
        std::string update = to_bytes(executor.train_client(parcel.value, worker));
        lock.lock();
        if (!parcel.value.test) ++clients_;
        done_.push_back({job.number, std::move(update)});
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::vector<Done> done_;
  int clients_ = 0;
  std::exception_ptr failure_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace

int serve(fl::ThreadExecutor& threads, Channel& channel) {
  Mailbox& mailbox = channel.mailbox();
  mailbox.send_number(0, {Tag::report}, static_cast<double>(threads.workers().size()));
  Message weights;
  int next = 1;
  ClientQueue queue(threads);
  try {
    for (;; std::this_thread::sleep_for(poll_interval)) {
      mailbox.progress("waiting for clients to train");
      if (mailbox.try_receive(0, {Tag::order})) break;
      while (auto assignment = mailbox.try_receive(0, {Tag::assignment, 0, next})) {
        if (auto newer = mailbox.try_receive(0, {Tag::weights, 0, next}))
          weights = *std::move(newer);
        queue.add({next, *std::move(assignment), weights});
        ++next;
      }
      for (const ClientQueue::Done& done : queue.take())
        mailbox.send_text(0, {Tag::update, 0, done.number}, done.update);
    }
    mailbox.part();
    return queue.clients();
  } catch (const pipeline::PeerLost&) {
    throw;
  } catch (const std::exception& error) {
    mailbox.announce_failure(nn::concat(mailbox.name(), " failed: ", error.what()));
    throw;
  }
}

}  // namespace ranks
