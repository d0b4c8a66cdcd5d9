#include "data/examples.h"

#include "nn/base/error.h"

namespace data {

std::string_view plural(nn::InputKind kind) {
  switch (kind) {
    case nn::InputKind::images:
      return "images";
    case nn::InputKind::rows:
      return "rows";
    case nn::InputKind::text:
      return "windows of text";
  }
  throw nn::Error("examples: unknown kind");
}

nn::real Examples::normalised(float, int) const {
  throw nn::InputError(nn::concat("the examples are ", plural(kind()), ", not images"),
                       "choose another --split or --dataset");
}

}  // namespace data
