#include "pipeline/members/ports.h"

#include <doctest/doctest.h>

namespace pipeline {

using std::chrono::milliseconds;

TEST_CASE("ports tell living processes from those that have ended") {
  const auto ports = ports_at("127.0.0.1");
  const std::string open = ports->own(), closed = ports_at("127.0.0.1")->own();
  CHECK(ports->probe({open, closed, "nonsense"}, milliseconds(1000)) ==
        std::vector{PortState::open, PortState::closed, PortState::silent});
  ports->clear();
  CHECK(ports->probe({open}, milliseconds(1000)) == std::vector{PortState::open});
}

}  // namespace pipeline
