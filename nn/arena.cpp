#include "nn/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace nn {

namespace {

// Asks for pages of 2 MB, whose addresses are translated more quickly. The first 16 MB stay in
// small pages, so that the unused rest of the last page is little beside what is used. A system
// without large pages refuses, and nothing changes.
void ask_for_large_pages(std::byte* memory, std::size_t size) {
  constexpr std::size_t first = std::size_t{16} << 20, page = 4096;
  const std::size_t past_boundary = reinterpret_cast<std::uintptr_t>(memory) % page;
  madvise(memory + first - past_boundary, size - first, MADV_HUGEPAGE);
}

}  // namespace

void* Arena::allocate(std::size_t bytes) {
  // Large enough for every malloc to map each block separately and unmap it when freed. Untouched
  // memory costs nothing.
  constexpr std::size_t smallest_block = std::size_t{64} << 20;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) ++block_, used_ = 0;
  if (block_ == blocks_.size()) {
    const std::size_t size = std::max(bytes, smallest_block);
    auto* memory = static_cast<std::byte*>(::operator new[](size, std::align_val_t{alignment}));
    ask_for_large_pages(memory, size);
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
