#include <doctest/doctest.h>

#include <optional>

#include "nn/base/file.h"
#include "tests/arguments.h"
#include "tests/complaint.h"
#include "tools/program/options.h"
#include "tools/program/temporary_folder.h"

namespace {

std::string parse(tools::Options& options, const std::vector<std::string>& words) {
  Arguments arguments("program", words);
  return options.parse(arguments.count(), arguments.values());
}

struct Values {
  int count = 3;
  double share = 0.5;
  bool is_loud = false;
  std::string name = "none";
  std::optional<int> limit;
  std::vector<std::string> files;
};

Values values_of(const std::vector<std::string>& arguments) {
  Values values;
  tools::Options options("program", "");
  options.add("--count,-c", values.count, "").between(1, 9);
  options.add("--share", values.share, "").between(0.0, 1.0);
  options.add("--loud", values.is_loud, "");
  options.add("--name", values.name, "").not_empty();
  options.add("--limit", values.limit, "");
  options.add("files", values.files, "");
  parse(options, arguments);
  return values;
}

std::string complaint_about(const std::vector<std::string>& arguments) {
  return complaint_of([&] { values_of(arguments); });
}

}  // namespace

TEST_CASE("a file has options that the command line outdoes, and config() writes such a file") {
  const tools::TemporaryFolder folder;
  const auto read = [&](const std::string& file, std::vector<std::string> arguments) {
    nn::write_file_atomically(folder.path / "run.toml", file);
    arguments.push_back("--config");
    arguments.push_back((folder.path / "run.toml").string());
    Values values;
    bool is_dry = false;
    tools::Options options("program", "");
    options.add("--count,-c", values.count, "").between(1, 9);
    options.add("--share", values.share, "");
    options.add("--loud", values.is_loud, "");
    options.add("--name", values.name, "");
    options.add("--dry", is_dry, "").not_in_config();
    options.add_config();
    parse(options, arguments);
    return std::pair(values, options.config());
  };
  const auto [values, config] =
      read("count = 4\nshare = 2.5e-1\nloud = true\nname = \"2,4 x\"\n", {"--count", "7", "--dry"});
  CHECK(values.count == 7);
  CHECK(values.share == 0.25);
  CHECK(values.is_loud);
  CHECK(values.name == "2,4 x");
  CHECK(!contains(config, "dry"));
  const auto [again, same] = read(config, {});
  CHECK(again.count == 7);
  CHECK(again.share == 0.25);
  CHECK(again.is_loud);
  CHECK(again.name == "2,4 x");
  CHECK(same == config);
  CHECK(!read("loud = false\n", {}).first.is_loud);
  CHECK(read("loud = false\n", {"--loud"}).first.is_loud);
  CHECK(complaint_of([&] { read("cuont = 4\n", {}); }) == "there is no option --cuont");
  CHECK(
      contains(complaint_of([&] { read("count = 40\n", {}); }), "40 is not a number from 1 to 9"));
}

TEST_CASE("options that are not given leave their variables alone") {
  const Values values = values_of({});
  CHECK(values.count == 3);
  CHECK(values.share == 0.5);
  CHECK(!values.is_loud);
  CHECK(values.name == "none");
  CHECK(!values.limit);
  CHECK(values.files.empty());
}

TEST_CASE("options set their variables, the last repetition wins, other arguments go by position") {
  const Values values = values_of({"-c", "7", "a,b", "--share=1e-1", "--loud", "--limit", "-4",
                                   "--name", "x y", "c", "--count", "8"});
  CHECK(values.count == 8);
  CHECK(values.share == 0.1);
  CHECK(values.is_loud);
  CHECK(values.name == "x y");
  CHECK(values.limit == -4);
  CHECK(values.files == std::vector<std::string>{"a,b", "c"});
}

TEST_CASE("an invalid value, or one out of range, is refused with its option and bounds") {
  CHECK(complaint_about({"--count", "0"}) == "--count: 0 is not a number from 1 to 9");
  CHECK(complaint_about({"--count", "2.5"}) == "--count: 2.5 is not a number from 1 to 9");
  CHECK(complaint_about({"--share", "nan"}) == "--share: nan is not a number from 0 to 1");
  CHECK(complaint_about({"--name", ""}) == "--name: is empty");
  for (const char* number : {"x", "", "1x", "99999999999", "1.5"})
    CHECK(contains(complaint_about({"--limit", number}), "is not a number"));
  CHECK(contains(complaint_about({"--limit"}), "--limit"));
}

TEST_CASE("an option is not taken for another option's missing value") {
  CHECK(complaint_about({"--name", "--loud"}) == "--name: --loud is an option, not a value");
  CHECK(contains(complaint_about({"--limit", "--loud"}), "--loud is an option"));
  CHECK(contains(complaint_about({"--name=--loud"}), "--loud is an option"));
  CHECK(values_of({"--name", "-x"}).name == "-x");
  CHECK(values_of({"--", "--file"}).files == std::vector<std::string>{"--file"});
}

TEST_CASE("an unknown option is refused with the one that was probably meant") {
  CHECK(complaint_about({"--cuont", "4"}) == "there is no option --cuont");
  try {
    values_of({"--shar=1"});
    FAIL("no error");
  } catch (const nn::InputError& error) {
    CHECK(error.hint == "did you mean --share? program --help lists the options");
  }
}

TEST_CASE("a choice takes the meaning of its word") {
  enum class Colour { red, blue } colour = Colour::red;
  tools::Options options("program", "");
  options.add("--colour", colour, {{"red", Colour::red}, {"blue", Colour::blue}}, "");
  parse(options, {"--colour", "blue"});
  CHECK(colour == Colour::blue);
  CHECK(complaint_of([&] {
          parse(options, {"--colour", "green"});
        }) == "--colour: green is not red or blue");
}

TEST_CASE("options that are required or exclude each other say so") {
  std::string file, other;
  tools::Options options("program", "");
  const tools::Option named = options.add("--file", file, "").required();
  options.add("--other", other, "").excludes(named);
  CHECK(complaint_of([&] { parse(options, {}); }) == "--file is required");
  CHECK(contains(complaint_of([&] {
                   parse(options, {"--file", "a", "--other", "b"});
                 }),
                 "excludes"));
}

TEST_CASE("one of the commands must be given, with its own options") {
  int size = 1, depth = 2;
  tools::Options options("program", "");
  options.add_command("draw", "").add("--size", size, "");
  options.add_command("list", "").add("--depth", depth, "");
  CHECK(parse(options, {"draw", "--size", "5"}) == "draw");
  CHECK(size == 5);
  CHECK(complaint_of([&] { parse(options, {}); }) == "name a command");
  CHECK(complaint_of([&] { parse(options, {"lst"}); }) == "there is no command lst");
  CHECK(complaint_of([&] {
          parse(options, {"list", "--size", "5"});
        }) == "there is no option --size");
}

TEST_CASE("words are read in any case, and a wrong word or number is put right") {
  std::string model = "mlp", schedule = "1f1b";
  double lr = 0;
  int rounds = 1;
  const auto give = [&](const std::vector<std::string>& words) {
    tools::Options options("program", "");
    options.add("--model", model, "").among({"mlp", "mnist_cnn"});
    options.add("schedule,--schedule", schedule, "").in_any_case({"zb-h1"});
    options.add("--lr", lr, "");
    options.add("--rounds", rounds, "").between(1, 5000);
    return parse(options, words);
  };
  give({"--model", "MNIST_CNN", "--schedule", "ZB-H1"});
  CHECK(model == "mnist_cnn");
  CHECK(schedule == "zb-h1");
  give({"Own.csv"});
  CHECK(schedule == "Own.csv");
  CHECK(contains(complaint_of([&] { give({"--model", "MLB"}); }), "did you mean mlp?"));
  CHECK(contains(complaint_of([&] { give({"--lr", "1,5"}); }), "did you mean 1.5?"));
  CHECK(contains(complaint_of([&] { give({"--rounds", "1e3"}); }), "did you mean 1000?"));
  for (const char* text : {"1000000000000", "1e12", "1.5", "ten"})
    CHECK(!contains(complaint_of([&] { give({"--rounds", text}); }), "did you mean"));
  CHECK(complaint_of([&] { give({"--model"}); }) == "--model needs a value");
}
