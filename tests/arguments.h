#pragma once

#include <string>
#include <utility>
#include <vector>

// The arguments of a program's main, with its name first.
class Arguments {
 public:
  Arguments(const std::string& program, std::vector<std::string> words) : words_(std::move(words)) {
    words_.insert(words_.begin(), program);
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  Arguments(const Arguments&) = delete;

  int count() const { return static_cast<int>(words_.size()); }
  char** values() { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};
