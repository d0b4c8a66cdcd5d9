#include "data/text/characters.h"

#include <algorithm>

#include "nn/base/error.h"

namespace data {

void CharacterWindows::add(std::string_view text, std::uint8_t group) {
  nn::require(std::ranges::all_of(text, is_character), "characters: there is another character");
  std::vector<int>& own = clients_.emplace_back();
  const std::size_t length = length_;
  for (std::size_t at = 0; at + length < text.size(); at += length) {
    own.push_back(size());
    starts_.push_back(text_.size() + at);
    groups_.push_back(group);
  }
  text_ += text;
}

void CharacterWindows::copy_batch(std::span<const int> windows, nn::real* inputs,
                                  std::span<int> labels) const {
  nn::require(labels.size() == windows.size() * length_, "copy_batch: ", windows.size(),
              " windows of ", length_, ", but ", labels.size(), " labels");
  auto label = labels.begin();
  for (const int window : windows) {
    nn::require(window >= 0 && window < size(), "copy_batch: window ", window, " of ", size());
    const std::string_view text = std::string_view(text_).substr(starts_[window], length_ + 1);
    for (int i = 0; i < length_; ++i) {
      *inputs++ = static_cast<nn::real>(id_of(text[i]));
      *label++ = id_of(text[i + 1]);
    }
  }
}

}  // namespace data
