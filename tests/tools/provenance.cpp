#include <doctest/doctest.h>

#include "tools/program/provenance.h"
#include "tools/program/shell.h"

TEST_CASE("a word is quoted where the shell would read something else") {
  CHECK(tools::shell_word("--lr=1e-3") == "--lr=1e-3");
  CHECK(tools::shell_word("") == "''");
  CHECK(tools::shell_word("two words") == "'two words'");
  CHECK(tools::shell_word("it's") == "'it'\\''s'");
  CHECK(tools::shell_word("$(rm)\n") == "'$(rm)\n'");
}

TEST_CASE("a result says which program made it, and when") {
  const nn::Metadata facts = tools::provenance();
  CHECK(facts.at("command").find("tests/run") != std::string::npos);
  const std::string& date = facts.at("date");
  CHECK(date.size() == 20);
  CHECK(date.substr(0, 2) == "20");
  CHECK(date[10] == 'T');
  CHECK(date.back() == 'Z');
  CHECK(facts.contains("engine"));
}
