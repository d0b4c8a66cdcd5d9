#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pipeline {

// What a process tells the others of the run about itself. Its seat is the number that its launcher
// gave it, pipeline * stages + stage; a process that takes the place of a lost one has the same
// seat and another id.
struct Presence {
  int seat = 0;
  std::string id = {}, port = {};  // port: the address by which others try to reach it
  std::string terms = {};          // the checksum of what it was started with
  int epoch = 0;                   // the last one that it was a member of; 0: none
  bool is_waiting = false;         // for the next epoch: it has left the last one for good
  // The steps that its state has done; empty: it has no state. A prepared process could complete
  // one more by itself. `result`: what else the others need to know about the last step done.
  std::optional<int> done = {};
  bool is_prepared = false;
  std::string result = {};
  // Ids of others that it tried to reach; while it trains, those that it could not reach before.
  std::set<std::string> reached = {}, unreached = {};
};

// A period with fixed members, agreed on by all of them.
struct Epoch {
  struct Member {
    int seat;
    std::string id;
    bool has_state;  // others get theirs from a member of the same stage
  };
  int number = 0;  // 0: before the first one
  // The steps that count as done when it begins, and the last one's result; empty: the members
  // have no state, and begin from a checkpoint.
  std::optional<int> done = {};
  std::string result = {}, why = {};
  std::vector<Member> members = {};  // in the order of their ranks

  int rank_of(const std::string& id) const;  // -1: it is not a member
  std::vector<bool> states() const;          // whether each rank has one
  std::vector<int> pipelines(int stages) const;
};

// As files; parsing gives nothing for text that to_text() did not write.
std::string to_text(const Presence& presence);
std::string to_text(const Epoch& epoch);
std::optional<Presence> parse_presence(const std::string& text);
std::optional<Epoch> parse_epoch(const std::string& text);

// What a run was started with, and how many pipelines its batch is enough for.
struct Shape {
  int stages = 1, pipelines = 1, most_pipelines = 1;
  // If not empty, the pipelines in the order of their ranks, by the first step in which they train
  // together: a history that is played again.
  std::map<int, std::vector<int>> plan = {};

  // Those of the step after `done`; null without a plan for it.
  const std::vector<int>* planned(int done) const;
};

// The epoch that should follow `last`. `alive`: every process that shows signs of life. Empty: it
// is not time to decide.
//
// Members are all pipelines with a waiting process for each stage that can reach each other; those
// that have their state come first. Where two pipelines cannot reach each other, the one that
// reaches less leaves. If a process has done a step that others are prepared for, the step counts.
//
// Processes with other terms than the members of `last` count for nothing.
//
// Waits until every living member of `last` waits; for the first epoch, until all pipelines are
// whole; and if the members have no state for every stage, until those that might have it are lost,
// or others have taken all seats. `is_late`: it has waited long enough, not counting time in which
// all members trained.
std::optional<Epoch> next_epoch(const Epoch& last, const Shape& shape, std::vector<Presence> alive,
                                bool is_late);

// Whether there are members, and none has left.
bool do_members_train(const Epoch& last, const std::vector<Presence>& alive);

// Whether another epoch should follow after `done` steps: there is a whole pipeline of processes
// that wait to come, and reach all members and each other; or the plan has other members.
bool has_newcomers(const Epoch& now, const Shape& shape, std::vector<Presence> alive, int done);

}  // namespace pipeline
