#include "tools/federated/split_name.h"

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "tools/federated/results.h"

namespace federated {

namespace {

constexpr std::string_view stable_sort = " (stable sort)";

// "(0.3)" -> 0.3; whether it is such a text.
template <class Number>
bool parse_argument(std::string_view text, Number& number) {
  if (!text.starts_with('(') || !text.ends_with(')')) return false;
  const auto parsed = nn::parse_number<Number>(text.substr(1, text.size() - 2));
  if (parsed) number = *parsed;
  return parsed.has_value();
}

// Reads what comes after the word in the name of a split.
bool parse_rest(std::string_view text, fl::Partition& partition) {
  switch (partition.split) {
    case fl::Split::shards:
      if (text == stable_sort) partition.sort = fl::LabelSort::stable;
      return text.empty() || text == stable_sort;
    case fl::Split::dirichlet:
    case fl::Split::quantity:
      return parse_argument(text, partition.alpha);
    case fl::Split::labels:
      return parse_argument(text, partition.labels_per_client);
    case fl::Split::feature_noise:
      return parse_argument(text, partition.feature_noise);
    default:
      return text.empty();
  }
}

}  // namespace

std::string split_name(const fl::Partition& partition) {
  const std::string_view word = fl::name_of(partition.split);
  switch (partition.split) {
    case fl::Split::shards:
      return nn::concat(word, partition.sort == fl::LabelSort::stable ? stable_sort : "");
    case fl::Split::dirichlet:
    case fl::Split::quantity:
      return nn::concat(word, '(', number(partition.alpha), ')');
    case fl::Split::labels:
      return nn::concat(word, '(', partition.labels_per_client, ')');
    case fl::Split::feature_noise:
      return nn::concat(word, '(', number(partition.feature_noise), ')');
    default:
      return std::string(word);
  }
}

std::optional<fl::Partition> parse_split(std::string_view name, fl::Partition base) {
  for (const fl::SplitEntry& entry : fl::split_table()) {
    if (!name.starts_with(entry.name)) continue;
    base.split = entry.split;
    if (parse_rest(name.substr(entry.name.size()), base)) return base;
  }
  return {};
}

}  // namespace federated
