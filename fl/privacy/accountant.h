#pragma once

namespace fl {

// The epsilon of (epsilon, delta)-differential privacy of so many rounds, each of which adds up
// clipped changes of clients that take part with probability q, and Gaussian noise whose standard
// deviation is `noise` times the clip. 0 for no round, infinity without noise.
//
// By Renyi differential privacy (Mironov et al. 2019, section 3.3), with the orders of Google's
// dp-accounting and the conversion of Canonne et al. 2020, proposition 12. Throws nn::Error unless
// 0 < q <= 1, noise >= 0, rounds >= 0 and 0 < delta < 1.
double epsilon(double q, double noise, int rounds, double delta);

}  // namespace fl
