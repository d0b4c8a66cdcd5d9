#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "nn/base/error.h"

// The action's complaint, which must be one line and have a hint; "nothing" if there is none.
template <class Action>
std::string complaint_of(Action action) {
  try {
    action();
  } catch (const nn::InputError& error) {
    const std::string message = error.what();
    CHECK(!error.hint.empty());
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  return "nothing";
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}
