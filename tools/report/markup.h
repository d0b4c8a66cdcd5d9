#pragma once

#include <string>
#include <string_view>
#include <vector>

// Text with `code` and **bold**. A mark without its partner is plain text.
namespace report {

// The text cut at empty lines.
std::vector<std::string> paragraphs(std::string_view text);

std::string marked_html(std::string_view text);
std::string marked_terminal(std::string_view text);  // with terminal escapes
std::string without_marks(std::string_view text);

// For text and quoted attributes of XML and HTML. Control characters, which XML forbids, vanish.
std::string escape_xml(std::string_view text);

// "<p class="asked">content</p>" for the tag `p class="asked"`.
std::string element(std::string_view tag, std::string_view content);

}  // namespace report
