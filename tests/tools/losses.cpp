#include <doctest/doctest.h>

#include <cmath>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"
#include "tools/training/losses.h"
#include "tools/training/progress.h"

namespace training {

TEST_CASE("losses are read back as a run writes them") {
  const tools::TemporaryFolder folder;
  {
    LossLog log(3, 100);
    log.open(folder.path / "loss.csv");
    for (int step = 0; step < 3; ++step) log.add(step, 10.5 - step / 3.0);
  }
  const Losses losses = read_losses(folder.path / "loss.csv");
  CHECK(losses.steps == std::vector<double>{0, 1, 2});
  REQUIRE(losses.values.size() == 3);
  CHECK(losses.values[0] == 10.5);
  CHECK(losses.values[1] == doctest::Approx(10.5 - 1 / 3.0).epsilon(1e-8));
  CHECK(losses.tokens_per_second > 0);
}

TEST_CASE("norms of gradients are a column of their own, if there are any") {
  const tools::TemporaryFolder folder;
  {
    LossLog log(3, 100, "", true);
    log.open(folder.path / "loss.csv");
    log.add(1, 10.5, 1.25);
    log.add(2, 9.5, 0.75);
  }
  const std::string content = nn::read_file(folder.path / "loss.csv");
  CHECK(content.starts_with("Step,Loss,Seconds,Tokens per second,Norm\n1,10.5,"));
  CHECK(content.ends_with(",0.75\n"));
  CHECK(read_losses(folder.path / "loss.csv").values == std::vector<double>{10.5, 9.5});
}

TEST_CASE("losses of a resumed run continue where the earlier ones end, in time, too") {
  const tools::TemporaryFolder folder;
  const std::string earlier =
      "Step,Loss,Seconds,Tokens per second\n1,10.5,200,7\n2,9.25,1000.5,7\n";
  {
    LossLog log(4, 100, earlier);
    log.open(folder.path / "loss.csv");
    log.add(3, 9);
    log.skip(4);
  }
  const std::string content = nn::read_file(folder.path / "loss.csv");
  CHECK(content.starts_with(earlier + "3,9,1000.5"));
  CHECK(read_losses(folder.path / "loss.csv").steps == std::vector<double>{1, 2, 3});
}

TEST_CASE("removing the losses while they are written is an error") {
  const tools::TemporaryFolder folder;
  LossLog log(4, 100);
  log.open(folder.path / "loss.csv");
  log.add(1, 9);
  std::filesystem::remove(folder.path / "loss.csv");
  CHECK(contains(complaint_of([&] { log.add(2, 8); }), "loss.csv was removed while"));
}

TEST_CASE("a full disk is an error for the losses") {
  LossLog log(4, 100);
  CHECK(contains(complaint_of([&] { log.open("/dev/full"); }), "/dev/full: No space left"));
}

TEST_CASE("a file that does not hold losses is refused with its line") {
  const std::string header = "Step,Loss,Seconds,Tokens per second\n";
  const auto message_for = [](const std::string& content) {
    return complaint_of([&] { parse_losses(content, "loss.csv"); });
  };
  CHECK(message_for("") == "loss.csv, line 1: this is not the header of a loss.csv");
  CHECK(message_for("Step\n") == "loss.csv, line 1: this is not the header of a loss.csv");
  CHECK(message_for(header) == "loss.csv, line 1: there is no step");
  CHECK(message_for(header + "0,1,1,1\n1,x,1,1\n") == "loss.csv, line 3: a number is missing");
  CHECK(message_for(header + "0,1,1\n") == "loss.csv, line 2: a comma is missing");
  CHECK(message_for(header + "0,1,1,1,\n") == "loss.csv, line 2: there are more than 4 numbers");
  CHECK(message_for(header + "1,1,1,1\n1,1,1,1\n") == "loss.csv, line 3: steps do not ascend");
  CHECK(message_for(header + "0,nan,1,1\n") == "nothing");
  const std::string with_norms = "Step,Loss,Seconds,Tokens per second,Norm\n";
  CHECK(message_for(with_norms + "0,1,1,1\n") == "loss.csv, line 2: a comma is missing");
  CHECK(message_for(with_norms + "0,1,1,1,1,1\n") ==
        "loss.csv, line 2: there are more than 5 numbers");
  CHECK_THROWS_AS(read_losses("no/such/loss.csv"), nn::InputError);
}

TEST_CASE("runs differ by the largest difference at a step that both have") {
  const Losses run{{0, 1, 2, 3}, {5, 4, 3, 2}};
  CHECK(largest_difference(run, run) == 0);
  CHECK(largest_difference(run, {{1, 3, 9}, {4.5, 2.25, 99}}) == 0.5);
  CHECK(std::isnan(largest_difference(run, {{7}, {5}})));
  CHECK(std::isnan(largest_difference(run, {{0, 1, 2}, {5, std::nan(""), 99}})));
}

TEST_CASE("means of several steps lie at their middle") {
  const Losses means = mean_of_every({{0, 1, 2, 3, 4}, {5, 4, 3, 2, 1}, 7}, 2);
  CHECK(means.steps == std::vector<double>{0.5, 2.5, 4});
  CHECK(means.values == std::vector<double>{4.5, 2.5, 1});
  CHECK(means.tokens_per_second == 7);
  CHECK(mean_of_every({{3, 4}, {1, 2}}, 1).values == std::vector<double>{1, 2});
}

}  // namespace training
