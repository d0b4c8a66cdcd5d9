#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tools/homework/results.h"

namespace homework {

// A report with the folder that its own files go to.
struct Publication {
  std::string folder;  // "a3"
  report::Document document;
  std::string csv;  // empty: no results.csv
};

// Writes out/<folder>/results.csv and out/<folder>/<plot>.svg for each, and all of them together as
// out/report.html and, with a name, a notebook. Every file is replaced as a whole or not at all.
void publish(const std::filesystem::path& out, const std::string& title,
             std::span<const Publication> publications, const std::string& notebook = "");

}  // namespace homework
