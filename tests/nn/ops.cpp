#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "nn/base/file.h"
#include "tests/nn/op_table.h"

namespace tests {

namespace {

using nn::ConstView, nn::index, nn::real, nn::View;
using Role = OpInputs::Role;

// In float the differences are coarse: they find a wrong formula, not a missing small term.
constexpr bool is_double = sizeof(real) == 8;
constexpr double epsilon = is_double ? 1e-5 : 1e-3;
constexpr double tolerance = is_double ? 1e-7 : 1e-2;

// The largest difference from central differences, relative to the input's largest gradient.
double gradient_error(const OpRow& row) {
  OpInputs inputs(row);
  nn::Parameters& parameters = inputs.parameters();
  const std::vector<real> gradients = inputs.gradients(inputs.all(Role::parameter));
  double worst = 0;
  for (const auto& info : parameters.infos()) {
    double largest = 0.01, error = 0;
    for (index i = info.offset; i < info.offset + info.shape.size(); ++i) {
      real& value = parameters.values()[i];
      const real kept = value, up = kept + real(epsilon), down = kept - real(epsilon);
      value = up;
      const double above = inputs.loss();
      value = down;
      const double below = inputs.loss();
      value = kept;
      const double slope = (above - below) / (double{up} - double{down});
      largest = std::max(largest, std::abs(slope));
      error = std::max(error, std::isfinite(gradients[i]) ? std::abs(slope - gradients[i]) : 1e300);
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}

// The largest error in adding to gradients that are already there.
double adding_error(const OpRow& row) {
  OpInputs inputs(row);
  const auto roles = inputs.all(Role::parameter);
  const std::vector<real> alone = inputs.gradients(roles);
  const std::span<real> gradients = inputs.parameters().gradients();
  for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = static_cast<real>(i % 7 + 1);
  inputs.tape().backward(inputs.forward(roles).loss);
  double worst = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    worst = std::max<double>(worst, std::abs(gradients[i] - (i % 7 + 1) - alone[i]));
  return worst;
}

TEST_CASE("every operation's gradient is the slope of its result") {
  for (const OpRow& row : op_table()) {
    CAPTURE(row.name);
    CHECK(gradient_error(row) < tolerance);
  }
}

TEST_CASE("every operation adds its gradients to what is there") {
  for (const OpRow& row : op_table()) {
    CAPTURE(row.name);
    CHECK(adding_error(row) < (is_double ? 1e-12 : 1e-4));
  }
}

TEST_CASE("data half and weight half of the backward sweep are exactly the whole") {
  for (const OpRow& row : op_table()) {
    CAPTURE(row.name);
    OpInputs inputs(row);
    const std::vector<real> whole = inputs.gradients(inputs.all(Role::parameter));
    const auto count = static_cast<int>(row.shapes.size());
    for (int code = 0; code < std::pow(3, count); ++code) {  // every input in every role
      CAPTURE(code);
      auto roles = inputs.all(Role::parameter);
      for (int i = 0, rest = code; i < count; ++i, rest /= 3) roles[i] = Role{rest % 3};

      // The roles decide which gradients arrive; a constant gets none.
      const auto expected = [&](bool of_inputs, bool of_parameters) {
        std::vector<real> gradients(whole.size());
        for (int i = 0; i < count; ++i) {
          const auto& info = inputs.parameters().infos()[i];
          if ((roles[i] == Role::input && of_inputs) ||
              (roles[i] == Role::parameter && of_parameters))
            std::copy_n(whole.begin() + info.offset, info.shape.size(),
                        gradients.begin() + info.offset);
        }
        return gradients;
      };
      CHECK(inputs.gradients(roles) == expected(true, true));

      inputs.parameters().zero_gradients();
      const auto pass = inputs.forward(roles);
      const real one = 1;
      inputs.tape().backward_data(pass.loss, {&one, {1, 1}});
      CHECK(inputs.collect(pass.x) == expected(true, false));
      inputs.tape().backward_weights();
      CHECK(inputs.collect(pass.x) == expected(true, true));
    }
  }
}

TEST_CASE("the gradient checks pass a correct rule and catch wrong ones") {
  const OpRow right{"right", {{2, 3}}, [](const Vars& x) {
                      return square(x[0], [](ConstView v) {
                        return [v](ConstView dy, View dx) {
                          for (index i = 0; i < dx.size(); ++i) dx[i] += 2 * dy[i] * v[i];
                        };
                      });
                    }};
  const OpRow half{"half", {{2, 3}}, [](const Vars& x) {
                     return square(x[0], [](ConstView v) {
                       return [v](ConstView dy, View dx) {
                         for (index i = 0; i < dx.size(); ++i) dx[i] += dy[i] * v[i];
                       };
                     });
                   }};
  const OpRow one_wrong{"one element", {{2, 3}}, [](const Vars& x) {
                          return square(x[0], [](ConstView v) {
                            return [v](ConstView dy, View dx) {
                              for (index i = 0; i < 5; ++i) dx[i] += 2 * dy[i] * v[i];
                            };
                          });
                        }};
  const OpRow sets{"sets", {{2, 3}}, [](const Vars& x) {
                     return square(x[0], [](ConstView v) {
                       return [v](ConstView dy, View dx) {
                         for (index i = 0; i < dx.size(); ++i) dx[i] = 2 * dy[i] * v[i];
                       };
                     });
                   }};
  CHECK(gradient_error(right) < tolerance);
  CHECK(adding_error(right) < 1e-5);
  CHECK(gradient_error(half) > 0.1);
  CHECK(gradient_error(one_wrong) > 0.1);
  CHECK(adding_error(sets) > 0.5);
}

TEST_CASE("every operation in ops.h has a row") {
  const std::string header = nn::read_file("nn/ops.h");
  const std::regex declaration("\nVar (\\w+)\\(");
  int operations = 0;
  for (std::sregex_iterator match(header.begin(), header.end(), declaration), end; match != end;
       ++match, ++operations) {
    const std::string name = (*match)[1];
    CAPTURE(name);
    CHECK(std::ranges::any_of(op_table(), [&](const OpRow& row) {
      return row.name == name || row.name.starts_with(name + ' ');
    }));
  }
  CHECK(operations >= 22);
}

}  // namespace

}  // namespace tests
