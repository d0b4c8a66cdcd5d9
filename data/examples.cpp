#include "data/examples.h"

#include "nn/base/error.h"

namespace data {

nn::real Examples::normalised(float, int) const {
  throw nn::InputError("these examples are no images", "choose another --attack, --split or --dataset");
}

}  // namespace data
