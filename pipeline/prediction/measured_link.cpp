#include "pipeline/prediction/measured_link.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "pipeline/mailbox/frame.h"
#include "pipeline/trace.h"

namespace pipeline {
namespace {

// On rank 0 its link to the peer, on others zeros.
Link measured_link(Mailbox& mailbox, int peer) {
  constexpr const char* what = "measuring a link";
  constexpr int middle = link_questions / 2;
  if (mailbox.rank() != 0 && mailbox.rank() != peer) return {};
  const int other = peer - mailbox.rank();
  const std::vector<std::byte> bytes(link_bytes);
  Lease lease;
  const std::array<std::span<const std::byte>, 2> sizes{{{}, bytes}};
  std::array<std::vector<double>, 2> times;  // there and back
  for (int i = 0; i < link_questions; ++i)
    for (int size = 0; size < 2; ++size) {
      const Tag tag{Tag::clock, 1, i, size};
      if (mailbox.rank() != 0) mailbox.receive(other, tag, what);
      const double start = wall_time();
      mailbox.send_bytes(other, tag, sizes[size], lease);
      if (mailbox.rank() == 0) mailbox.receive(other, tag, what);
      times[size].push_back(wall_time() - start);
    }
  mailbox.wait([&] { return lease.is_free(); }, what);
  if (mailbox.rank() != 0) return {};
  for (std::vector<double>& each : times) std::ranges::nth_element(each, each.begin() + middle);
  const double empty = times[0][middle], full = times[1][middle];
  return {empty / 2, std::max(0.0, full - empty) / 2 / link_bytes};
}

}  // namespace

Cluster measured_links(Mailbox& mailbox, const Topology& topology) {
  Cluster cluster;
  if (topology.stages > 1) cluster.link = measured_link(mailbox, topology.rank(0, 1));
  if (topology.pipelines > 1) cluster.group_link = measured_link(mailbox, topology.rank(1, 0));
  if (topology.stages == 1) cluster.link = cluster.group_link;
  if (topology.pipelines == 1) cluster.group_link = cluster.link;
  return cluster;
}

}  // namespace pipeline
