#include "nn/arena.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace nn {

void* Arena::allocate(std::size_t bytes) {
  // Large enough for every malloc to map each block separately and unmap it when freed. Untouched
  // memory costs nothing.
  constexpr std::size_t smallest_block = std::size_t{64} << 20;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) ++block_, used_ = 0;
  if (block_ == blocks_.size()) {
    const std::size_t size = std::max(bytes, smallest_block);
    auto* memory = static_cast<std::byte*>(::operator new[](size, std::align_val_t{alignment}));
    blocks_.push_back({std::unique_ptr<std::byte[], Free>(memory), size, 0});
    used_ = 0;
  }
  void* start = blocks_[block_].memory.get() + used_;
  used_ += bytes;
  blocks_[block_].touched = std::max(blocks_[block_].touched, used_);
  return start;
}

std::size_t Arena::capacity() const {
  std::size_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.size;
  return bytes;
}

std::size_t Arena::touched() const {
  std::size_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.touched;
  return bytes;
}

}  // namespace nn
