#pragma once

#include <map>
#include <string>
#include <vector>

namespace fl {

// Takes a share of each client's samples away, rounded down, and returns it. They are evenly spaced
// in its list, because most splits list a client's samples by label.
std::vector<std::vector<int>> hold_out(std::vector<std::vector<int>>& samples, double share);

// How clients differ in accuracy, by the names of the columns: the mean over the clients, the
// standard deviation, and the mean of the worst tenth of them, at least one. None without a client.
std::map<std::string, double> client_measures(std::vector<double> accuracies);

}  // namespace fl
