#pragma once

#include <filesystem>
#include <iosfwd>
#include <map>
#include <span>
#include <string>

#include "nn/storage.h"
#include "tools/homework/record.h"

namespace homework {

// What the exercise says about its runs.
report::Document write_up(const Outcome& outcome);

// Writes OUT/a3/results.csv, plot1.svg, ... and results.json, and OUT/report.html and
// OUT/homework-1.ipynb about this exercise and the others whose results.json is in OUT. A failure
// leaves the old files, and results.json is there only beside files of its own command.
void publish(const std::filesystem::path& out, const Outcome& outcome);

// Says in one line each which exercises in OUT, but for those named, the report has to do without,
// and why.
void warn_of_unreadable(const std::filesystem::path& out, std::span<const std::string> but,
                        std::ostream& log);

// Replaces these files of a folder, name and content, all of them or, if one cannot be written,
// none. The one that vouches for the others is away while they change. Throws nn::InputError.
void replace_files(const std::filesystem::path& folder,
                   const std::map<std::string, std::string>& files, const std::string& voucher,
                   nn::Storage& storage);

// Adds to `files` the document's plots, by name.
void add_plots(const report::Document& document, std::map<std::string, std::string>& files);

// The document, and under "How this was made" the facts.
report::Document with_facts(report::Document document, const report::Facts& facts);

}  // namespace homework
