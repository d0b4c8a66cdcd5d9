#pragma once

#include <doctest/doctest.h>

#include <string>

#include "nn/error.h"

// What the action complains about: one line, with a hint beside it.
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
  FAIL("no error");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
