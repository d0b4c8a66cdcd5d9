#include "tools/homework/record.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <thread>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tests/faulty_disk.h"
#include "tools/federated/result_files.h"
#include "tools/homework/publish.h"
#include "tools/program/temporary_folder.h"

namespace homework {
namespace fs = std::filesystem;

namespace {

const Exercise& exercise(const std::string& name) {
  return *std::ranges::find(homework_1().exercises, name, &Exercise::name);
}

// A made-up outcome of an exercise.
Outcome made_up(const std::string& name, const Setting& setting = {}) {
  Outcome outcome{&exercise(name), setting, {{"command", "hw1 " + name}, {"dataset", "mnist"}}, {}};
  for (const Experiment& experiment : experiments_of(*outcome.exercise, setting)) {
    Run& run = outcome.runs.emplace_back(Run{settled(experiment), {}});
    for (int round = 1; round <= experiment.rounds; ++round)
      run.rounds.push_back({round, 100.0 / (round + 2), 20 * round, 0.1 * round, 1e-7, {}, 10});
  }
  outcome.runs.back().rounds.back().excluded = {{3, "it has \"no\" samples"}};
  return outcome;
}

// The output of publish().
std::string publish_said(const fs::path& out, const Outcome& outcome) {
  std::ostringstream log;
  publish(homework_1(), out, outcome, log);
  return log.str();
}

std::string refusal(const std::string& text, const std::string& name = "a1") {
  return complaint_of([&] { parse_outcome(text, "results.json", exercise(name)); });
}

}  // namespace

TEST_CASE("an exercise's outcome is read back to the last bit") {
  Setting other;
  other.base.model = "mlp";
  other.base.seed = std::uint64_t{1} << 62;
  other.base.partition.sort = fl::LabelSort::stable;
  other.base.dropout = nn::DropoutStream::mkl;
  other.rounds = 3;
  for (const Exercise& each : homework_1().exercises)
    for (const Setting& setting : {Setting{}, other}) {
      const Outcome outcome = made_up(std::string(each.name), setting);
      const std::string text = to_json(outcome);
      const Outcome read = parse_outcome(text, "results.json", each);
      CHECK(to_json(read) == text);
      CHECK(to_csv(read.runs, read.names()) == to_csv(outcome.runs, outcome.names()));
      CHECK(read.made == outcome.made);
    }
}

TEST_CASE("anything but a complete outcome of an exercise is refused") {
  const std::string text = to_json(made_up("a1"));
  const auto changed = [&](auto change) {
    auto json = nlohmann::json::parse(text);
    change(json);
    return refusal(json.dump());
  };
  using Json = nlohmann::json;
  CHECK(refusal(text) == "nothing");
  CHECK(contains(refusal(""), "results.json is not JSON"));
  CHECK(contains(refusal("{}"), "is of format ?, not 1"));
  CHECK(contains(changed([](Json& j) { j["format"] = 2; }), "is of format 2, not 1"));
  const std::string other = "does not hold the runs of a1 as this version makes them";
  CHECK(contains(refusal(to_json(made_up("a2"))), other));
  CHECK(contains(changed([](Json& j) { j["runs"].erase(3); }), other));
  CHECK(contains(changed([](Json& j) { j["runs"].push_back(j["runs"][0]); }), other));
  CHECK(contains(changed([](Json& j) { j["more"] = 1; }), other));
  CHECK(contains(changed([](Json& j) { j["made"] = {{"command", 1}}; }), other));
  CHECK(contains(changed([](Json& j) { j["setting"]["rounds"] = 7; }), other));
  CHECK(contains(changed([](Json& j) { j["setting"]["rounds"] = 1e300; }), other));
  CHECK(contains(changed([](Json& j) { j["setting"]["seed"] = -1; }), other));
  CHECK(contains(changed([](Json& j) { j["runs"][1]["learning_rate"] = 7; }), other));
  CHECK(contains(changed([](Json& j) { j["runs"][1]["curve"] = "mine"; }), other));
  Json round = Json::parse(text)["runs"][0]["rounds"][0];
  const auto with_round = [&](const char* key, const Json& value) {
    return changed([&](Json& j) { j["runs"][0]["rounds"][0][key] = value; });
  };
  CHECK(with_round("round", 1) == "nothing");
  for (const Json& value : {Json(0), Json(2), Json(1.5), Json("1"), Json(), Json(4294967297)})
    CHECK(contains(with_round("round", value), other));
  for (const Json& value : {Json(-1), Json(100.1), Json("nan"), Json(1e300)})
    CHECK(contains(with_round("test_accuracy", value), other));
  CHECK(contains(changed([](Json& j) { j["runs"][0]["rounds"].erase(4); }), other));
  CHECK(contains(changed([](Json& j) { j["runs"][0]["rounds"] = Json::array(); }), other));
}

TEST_CASE("an exercise that is run again replaces its own part of the report and no other") {
  const tools::TemporaryFolder folder;
  const fs::path& out = folder.path;
  const auto report = [&] { return nn::read_file(out / "report.html"); };
  publish_said(out, made_up("a3"));
  const std::string table = nn::read_file(out / "a3" / "results.csv");
  Setting setting;
  setting.base.seed = 77;
  publish_said(out, made_up("a1", setting));
  CHECK(nn::read_file(out / "a3" / "results.csv") == table);
  CHECK(report().find("A1: ") < report().find("A3: "));  // in the order of the table
  CHECK(contains(report(), "A3: "));
  CHECK(contains(report(), "<dt>seed</dt><dd>77</dd>"));
  CHECK(contains(report(), "<dt>seed</dt><dd>10</dd>"));
  CHECK(contains(report(), "<dd>hw1 a3</dd>"));
  const auto notebook = nlohmann::json::parse(nn::read_file(out / "homework-1.ipynb"));
  CHECK(contains(notebook.dump(), "a3/results.csv"));
  CHECK(contains(notebook.dump(), "How this was made"));
}

TEST_CASE("a damaged outcome is reported, left out and left alone") {
  const tools::TemporaryFolder folder;
  const fs::path& out = folder.path;
  publish_said(out, made_up("a2"));
  nn::write_file_atomically(out / "a2" / "results.json", "{\"format\": 1");
  nn::write_file_atomically(out / "a3" / "results.csv", "Round\n");
  std::ostringstream log;
  warn_about_results(homework_1(), out, std::vector<std::string>{"a1"}, log);
  CHECK(contains(log.str(), "the report omits a2 until hw1 a2 makes it again: "));
  CHECK(contains(log.str(), "a2/results.json is not JSON\n"));
  CHECK(contains(log.str(), "a3/results.csv has no results.json beside it\n"));
  std::ostringstream nothing;
  warn_about_results(homework_1(), out, std::vector<std::string>{"a2", "a3"}, nothing);
  CHECK(nothing.str() == "");
  publish_said(out, made_up("a1"));
  CHECK(nn::read_file(out / "a2" / "results.json") == "{\"format\": 1");
  CHECK(!contains(nn::read_file(out / "report.html"), "A2: "));
  publish_said(out, made_up("a2"));
  CHECK(contains(nn::read_file(out / "report.html"), "A2: "));
}

TEST_CASE("results that were edited, or have no checksum, are reported, and the report says so") {
  const tools::TemporaryFolder folder;
  const fs::path& out = folder.path;
  const fs::path file = out / "a3" / "results.json";
  const std::string edited = "may have been edited: its checksum is missing or wrong";
  const auto report = [&] { return nn::read_file(out / "report.html"); };
  const auto warnings = [&](const std::string& but) {
    std::ostringstream log;
    warn_about_results(homework_1(), out, std::vector{but}, log);
    return log.str();
  };
  publish_said(out, made_up("a3"));
  CHECK(warnings("a1") == "");
  CHECK(!contains(report(), edited));
  const std::string original = nn::read_file(file);
  const auto changed = [&](auto change) {
    auto json = nlohmann::ordered_json::parse(original);
    change(json);
    return json.dump(1) + '\n';
  };
  using Json = nlohmann::ordered_json;
  for (const std::string& text :
       {changed([](Json& j) { j["runs"][0]["rounds"][0]["test_accuracy"] = 99.5; }),
        changed([](Json& j) { j["made"]["command"] = "hw1 a3 --seed 7"; }),
        changed([](Json& j) { j.erase("checksum"); }), changed([](Json& j) {
          j["checksum"] = {1, 2};
        })}) {
    nn::write_file_atomically(file, text);
    CHECK(warnings("a1") == nn::concat("warning: ", file.string(), ' ', edited, '\n'));
    CHECK(warnings("a3") == "");
    publish_said(out, made_up("a1"));
    CHECK(contains(report(), "A3: "));
    CHECK(contains(report(), "<dt>results.json</dt><dd>" + edited + "</dd>"));
    CHECK(nn::read_file(file) == text);
  }
  publish_said(out, made_up("a3"));
  CHECK(warnings("a1") == "");
  CHECK(!contains(report(), edited));
}

TEST_CASE("an edited notebook is kept beside the next one") {
  const tools::TemporaryFolder folder;
  const fs::path& out = folder.path;
  const fs::path notebook = out / "homework-1.ipynb", first = out / "homework-1.edited-1.ipynb",
                 second = out / "homework-1.edited-2.ipynb";
  CHECK(publish_said(out, made_up("a3")) == "");
  CHECK(publish_said(out, made_up("a1")) == "");  // it is as it was written
  CHECK(!fs::exists(first));
  auto json = nlohmann::ordered_json::parse(nn::read_file(notebook));
  json["cells"][0]["source"].push_back("My own thoughts.");
  nn::write_file_atomically(notebook, json.dump(1) + '\n');
  CHECK(publish_said(out, made_up("a2")) == nn::concat("note: ", notebook.string(),
                                                       " may have been edited: kept as ",
                                                       first.string(), '\n'));
  CHECK(contains(nn::read_file(first), "My own thoughts."));
  CHECK(contains(nn::read_file(notebook), "A2: "));
  json["metadata"].erase("tributary");  // as an earlier version wrote it
  nn::write_file_atomically(notebook, json.dump(1) + '\n');
  CHECK(contains(publish_said(out, made_up("a2")), "kept as " + second.string()));
  CHECK(contains(nn::read_file(first), "My own thoughts."));
  CHECK(publish_said(out, made_up("a2")) == "");
}

TEST_CASE("exercises that end at the same time are both in the report") {
  const tools::TemporaryFolder folder;
  const fs::path& out = folder.path;
  for (int attempt = 0; attempt < 10; ++attempt) {
    fs::remove(out / "a1" / "results.json");
    fs::remove(out / "a3" / "results.json");
    std::string complaints[2];
    {
      std::vector<std::jthread> commands;
      for (const int i : {0, 1})
        commands.emplace_back([&, i] {
          complaints[i] = complaint_of([&] { publish_said(out, made_up(i == 0 ? "a1" : "a3")); });
        });
    }
    for (const std::string& complaint : complaints) CHECK(complaint == "nothing");
    for (const char* part : {"A1: ", "A3: "}) {
      CHECK(contains(nn::read_file(out / "report.html"), part));
      CHECK(contains(nn::read_file(out / "homework-1.ipynb"), part));
    }
  }
}

TEST_CASE("if one file vouches for the others, all are of one command, whatever the disk does") {
  using Files = std::map<std::string, std::string>;
  const Files old{{"a", "1"}, {"b", "1"}, {"json", "1"}};
  const Files fresh{{"a", "2"}, {"b", "2"}, {"json", "2"}};
  for (auto fault :
       {FaultyDisk::Fault::error, FaultyDisk::Fault::half_written, FaultyDisk::Fault::power})
    for (int seed = 0; seed < (fault == FaultyDisk::Fault::power ? 6 : 1); ++seed) {
      bool is_over = false;
      for (int operation = 0; !is_over; ++operation) {
        CAPTURE(operation);
        const tools::TemporaryFolder folder;
        // The first command's operations go well.
        constexpr int first = 12;
        FaultyDisk disk(folder.path, first + operation, fault);
        replace_files(folder.path, old, "json", disk);
        REQUIRE(!disk.has_failed());
        const std::string complaint =
            complaint_of([&] { replace_files(folder.path, fresh, "json", disk); });
        is_over = !disk.has_failed();
        CHECK((complaint == "nothing") == is_over);
        if (fault == FaultyDisk::Fault::power)
          disk.lose_power(seed == 0   ? FaultyDisk::Survival::none
                          : seed == 1 ? FaultyDisk::Survival::all
                                      : FaultyDisk::Survival::some,
                          seed);
        const auto content = [&](const char* name) {
          return fs::exists(folder.path / name) ? nn::read_file(folder.path / name) : "";
        };
        if (const std::string voucher = content("json"); !voucher.empty()) {
          CHECK(content("a") == voucher);
          CHECK(content("b") == voucher);
        }
        if (is_over) CHECK(content("json") == "2");
        if (complaint != "nothing") CHECK(contains(complaint, "cannot write"));
        if (fault != FaultyDisk::Fault::power && !is_over && operation < 6)
          CHECK(content("json") == "1");  // nothing old has gone yet
      }
    }
}

}  // namespace homework
