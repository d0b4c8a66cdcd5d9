#include <climits>
#include <sstream>

#include "nn/base/error.h"
#include "pipeline/members/epoch.h"

// Epochs and presences as text: a word and its value on each line, `end` on the last.
namespace pipeline {

namespace {

std::string done_text(const std::optional<int>& done) {
  return done ? nn::concat("done ", *done, '\n') : "";
}

// Calls take(word, rest of the line) for each line. False if the text does not end with `end` or a
// line cannot be read.
template <class Take>
bool read_lines(const std::string& text, Take take) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line == "end") return true;
    std::istringstream words(line);
    std::string word;
    if (!(words >> word >> std::ws) || !take(word, words)) return false;
  }
  return false;
}

// Not negative, and small enough to be increased.
bool take_number(std::istream& from, auto& number) {
  int value = 0;
  if (!(from >> value) || value < 0 || value == INT_MAX) return false;
  number = value;
  return true;
}

bool take_line(std::istream& from, std::string& text) {
  std::getline(from, text);
  return true;
}

bool take_member(std::istream& from, Epoch& epoch) {
  Epoch::Member member{};
  if (!take_number(from, member.seat) || !(from >> member.id >> member.has_state)) return false;
  epoch.members.push_back(member);
  return true;
}

}  // namespace

std::string to_text(const Presence& p) {
  std::string text =
      nn::concat("seat ", p.seat, "\nid ", p.id, "\nport ", p.port, "\nterms ", p.terms, "\nepoch ",
                 p.epoch, "\nwaiting ", p.is_waiting, "\nprepared ", p.is_prepared, '\n',
                 done_text(p.done), "result ", p.result, '\n');
  for (const std::string& id : p.reached) text += "reached " + id + '\n';
  for (const std::string& id : p.unreached) text += "unreached " + id + '\n';
  return text + "end\n";
}

std::string to_text(const Epoch& epoch) {
  std::string text = nn::concat("epoch ", epoch.number, '\n', done_text(epoch.done), "result ",
                                epoch.result, "\nwhy ", epoch.why, '\n');
  for (const auto& [seat, id, has_state] : epoch.members)
    text += nn::concat("member ", seat, ' ', id, ' ', has_state, '\n');
  return text + "end\n";
}

std::optional<Presence> parse_presence(const std::string& text) {
  Presence p;
  const bool is_read = read_lines(text, [&p](const std::string& word, std::istream& rest) {
    if (word == "seat") return take_number(rest, p.seat);
    if (word == "id") return take_line(rest, p.id);
    if (word == "port") return take_line(rest, p.port);
    if (word == "terms") return take_line(rest, p.terms);
    if (word == "epoch") return take_number(rest, p.epoch);
    if (word == "waiting") return take_number(rest, p.is_waiting);
    if (word == "prepared") return take_number(rest, p.is_prepared);
    if (word == "done") return take_number(rest, p.done);
    if (word == "result") return take_line(rest, p.result);
    std::string id;
    if (word == "reached") return take_line(rest, id) && p.reached.insert(id).second;
    return word == "unreached" && take_line(rest, id) && p.unreached.insert(id).second;
  });
  return is_read && !p.id.empty() ? std::optional(p) : std::nullopt;
}

std::optional<Epoch> parse_epoch(const std::string& text) {
  Epoch epoch;
  const bool is_read = read_lines(text, [&epoch](const std::string& word, std::istream& rest) {
    if (word == "epoch") return take_number(rest, epoch.number);
    if (word == "done") return take_number(rest, epoch.done);
    if (word == "result") return take_line(rest, epoch.result);
    if (word == "why") return take_line(rest, epoch.why);
    return word == "member" && take_member(rest, epoch);
  });
  return is_read && epoch.number > 0 && !epoch.members.empty() ? std::optional(epoch)
                                                               : std::nullopt;
}

}  // namespace pipeline
