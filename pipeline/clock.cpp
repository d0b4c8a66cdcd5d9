#include "pipeline/clock.h"

#include "pipeline/mailbox/frame.h"

namespace pipeline {

namespace {

constexpr const char* what = "comparing clocks";

}  // namespace

double offset_to_rank_0(Mailbox& mailbox, const std::function<double()>& clock) {
  if (mailbox.rank() == 0) {
    for (int other = 1; other < mailbox.ranks(); ++other)
      for (int i = 0; i < clock_questions; ++i) {
        mailbox.receive(other, {Tag::clock, 0, i}, what);
        mailbox.send_number(other, {Tag::clock, 0, i}, clock());
      }
    return 0;
  }
  double offset = 0, quickest = 1e9;
  for (int i = 0; i < clock_questions; ++i) {
    const double asked = clock();
    mailbox.send_text(0, {Tag::clock, 0, i}, "");
    const double answer = mailbox.receive_number(0, {Tag::clock, 0, i}, what);
    const double heard = clock();
    if (heard - asked >= quickest) continue;
    quickest = heard - asked;
    offset = answer - (asked + heard) / 2;
  }
  return offset;
}

}  // namespace pipeline
