#pragma once

namespace pipeline {

// Wakes a thread that polls its descriptor. Throws Error if the process has no descriptor left.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  int descriptor() const { return descriptor_; }  // readable once it has been rung
  void ring() noexcept;                           // from any thread
  void silence() noexcept;

 private:
  int descriptor_;
};

}  // namespace pipeline
