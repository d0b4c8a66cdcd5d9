#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

namespace nn {

// Hands out memory by advancing a pointer and takes it all back at once. It keeps the memory it got
// from the system, so nothing is allocated after the first training step.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, not initialised.
  void* allocate(std::size_t bytes);

  template <class T>
  std::span<T> allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena never runs a destructor");
    return {static_cast<T*>(allocate(count * sizeof(T))), count};
  }

  // A point to return to: rewind(mark) frees everything allocated since mark().
  struct Mark {
    std::size_t block = 0, used = 0;
  };
  Mark mark() const { return {block_, used_}; }
  void rewind(Mark mark) { block_ = mark.block, used_ = mark.used; }
  void reset() { rewind({}); }

  std::size_t capacity() const;  // bytes held from the system
  std::size_t touched() const;   // bytes of these that were ever handed out; the rest costs nothing

 private:
  static constexpr std::size_t alignment = 64;
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{alignment}); }
  };
  struct Block {
    std::unique_ptr<std::byte[], Free> memory;
    std::size_t size = 0, touched = 0;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the block in use, and how much of it
  std::size_t used_ = 0;
};

// Working memory that is returned at the end of a scope.
class Scratch {
 public:
  explicit Scratch(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~Scratch() { arena_.rewind(mark_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* array(std::size_t count) {
    return arena_.allocate_array<T>(count).data();
  }

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace nn
