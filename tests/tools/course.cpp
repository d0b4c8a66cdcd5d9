#include "tools/training/course.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/base/file.h"
#include "nn/base/printable.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"
#include "tools/training/history.h"
#include "tools/training/replica.h"

namespace training {

namespace {

const std::string csv =
    "Step,Loss,Seconds,Tokens per second\n1,5,0.5,10\n2,4,1,10\n3,3,1.5,10\n4,2,2,10\n";

Course course_after(int done) {
  Course course;
  course.set_out(0, "run");
  for (int step = 1; step <= done; ++step) course.add(step, 6.0 - step, {0, 1.0 / step});
  return course;
}

}  // namespace

TEST_CASE("a process that comes knows the first step and the last verdict to the bit") {
  Course course = course_after(3);
  course.first = 2;
  Course other;
  CHECK_FALSE(other.has_begun());
  other.follow(3, course.result());
  CHECK(other.first == 2);
  CHECK(other.done == 3);
  CHECK(other.verdict.losses == 1.0 / 3);
  CHECK(other.has_begun());
  course.add(4, {}, {std::nan(""), 1});
  other.follow(4, course.result());
  CHECK(std::isnan(other.verdict.norm));
  CHECK_THROWS(other.follow(4, "3 nonsense"));
}

TEST_CASE("a process that skips the epoch that left it out gives its state up in the next one") {
  Replica replica;
  replica.course.set_out(5, "run");
  pipeline::Epoch epoch{.number = 3, .done = 5, .members = {{0, "others", true}, {1, "own", true}}};
  replica.begin(epoch, 1);
  CHECK(replica.offer());
  epoch.members[1].has_state = false;
  replica.begin(epoch, 1);
  CHECK_FALSE(replica.offer());
}

TEST_CASE("loss.csv goes on without lost rows and without those of steps that do not count") {
  const tools::TemporaryFolder folder;
  nn::write_file_atomically(folder.path / "loss.csv", csv);
  CHECK(course_after(4).losses(folder.path, false) == csv);
  CHECK(course_after(3).losses(folder.path, false) == csv.substr(0, csv.find("4,2")));
  CHECK(course_after(5).losses(folder.path, false) == csv + "5,1,2,10\n");
  Course skipped = course_after(4);
  skipped.add(5, {}, {});
  skipped.add(6, 0.5, {});
  CHECK(skipped.losses(folder.path, false) == csv + "6,0.5,2,10\n");
  CHECK(course_after(1).losses(folder.path / "none", true) ==
        "Step,Loss,Seconds,Tokens per second,Norm\n1,5,0,0,0\n");
}

TEST_CASE("a history has a row for each epoch with a step, and can be read back") {
  const tools::TemporaryFolder folder;
  const auto write = [&](int number, int done, int first_pipeline) {
    const pipeline::Epoch epoch{.number = number,
                                .done = done,
                                .why = "pipelines 0, 1 left",
                                .members = {{2 * first_pipeline, "a", true},
                                            {2 * first_pipeline + 1, "b", true},
                                            {0, "c", true},
                                            {1, "d", true}}};
    History history(folder.path, epoch, 2);
    for (int step = done; step < done + 3; ++step) history.after_step(step, course_after(step));
  };
  write(1, 0, 1);
  write(2, 5, 2);
  write(2, 5, 2);  // by the next epoch's rank 0, which finds the row
  const std::filesystem::path file = folder.path / "members.csv";
  CHECK(nn::read_file(file).starts_with("Epoch,First step,Seconds,Pipelines,Why\n1,1,0.0"));
  const std::map<int, std::vector<int>> both{{1, {1, 0}}, {6, {2, 0}}};
  CHECK(read_history(file) == both);
  write(1, 3, 3);  // from a checkpoint
  const std::map<int, std::vector<int>> again{{1, {1, 0}}, {4, {3, 0}}};
  CHECK(read_history(file) == again);
  nn::write_file_atomically(file, csv);
  CHECK(contains(complaint_of([&] { read_history(file); }), "is not a row of a members.csv"));
}

TEST_CASE("a history has steps from 1 on and different pipelines, or is refused in one line") {
  const std::string header = "Epoch,First step,Seconds,Pipelines,Why\n";
  CHECK(parse_history(header + "1,5,0,1 0,\"\"\n", "m").at(5) == std::vector{1, 0});
  for (const char* const row : {"1,0,0,1,", "1,5x,0,1,", "1,5,0,,", "1,5,0,1 1,", "1,5,0,-1,",
                                "1,5,0,1 x,", "1,5,0,1", "\x1b[2J\r"})
    CHECK(complaint_of([&] { parse_history(header + row + '\n', "m"); }) ==
          nn::concat("m: \"", nn::printable(row), "\" is not a row of a members.csv"));
}

}  // namespace training
