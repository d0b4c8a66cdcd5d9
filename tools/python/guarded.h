#pragma once

#include <exception>
#include <string>

#include "nn/base/error.h"
#include "tools/program/program.h"
#include "tools/python/tributary.h"

namespace python {

// What body() throws, for callers that know no exceptions.
template <class Body>
int guarded(tributary_error* error, Body body) {
  const auto copy = [](const std::string& text, auto& to) {
    to[text.copy(to, sizeof to - 1)] = '\0';
  };
  copy("", error->what), copy("", error->hint);
  try {
    body();
    return tributary_ok;
  } catch (const nn::InputError& thrown) {
    copy(thrown.what(), error->what), copy(thrown.hint, error->hint);
    return tributary_wrong_input;
  } catch (const tools::Stopped&) {
    return tributary_stopped;
  } catch (const std::exception& thrown) {
    copy(thrown.what(), error->what);
    return tributary_failure;
  }
}

}  // namespace python
