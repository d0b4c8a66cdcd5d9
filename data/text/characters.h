#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/examples.h"

namespace data {

// The characters of plain English text as ids: the line feed is 0, and ' ' to '~' are 1 to 95.
constexpr int character_count = 96;
constexpr bool is_character(char c) { return c == '\n' || (c >= ' ' && c <= '~'); }
constexpr int id_of(char c) { return c == '\n' ? 0 : c - ' ' + 1; }

// Windows of texts, in which the next character is to be predicted at every place: inputs
// [n, length], labels the same one place on, class_count() the number of characters. Windows do not
// overlap; what is left of a text after the last one is not used.
class CharacterWindows : public Examples {
 public:
  explicit CharacterWindows(int length) : length_(length) {}

  // Adds the text of one more natural client. The group is that of its windows. Throws nn::Error
  // for other characters.
  void add(std::string_view text, std::uint8_t group);

  const std::string& text() const { return text_; }  // of all clients

  int size() const override { return static_cast<int>(starts_.size()); }
  nn::InputKind kind() const override { return nn::InputKind::text; }
  nn::Shape shape(nn::index n) const override { return {n, length_}; }
  int labels_per_example() const override { return length_; }
  int class_count() const override { return character_count; }
  void copy_batch(std::span<const int> windows, nn::real* inputs,
                  std::span<int> labels) const override;
  std::span<const std::uint8_t> groups() const override { return groups_; }
  std::span<const std::vector<int>> natural_clients() const override { return clients_; }

 private:
  int length_;
  std::string text_;
  std::vector<std::size_t> starts_;  // of each window, in text_
  std::vector<std::uint8_t> groups_;
  std::vector<std::vector<int>> clients_;
};

}  // namespace data
