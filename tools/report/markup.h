#pragma once

#include <string>
#include <string_view>
#include <vector>

// Text with `code` and **bold**; a mark without its partner is plain text.
namespace report {

// The text cut at empty lines.
std::vector<std::string> paragraphs(std::string_view text);

// For XML and HTML, in text and in quoted attributes. Control characters, which XML forbids,
// vanish.
std::string escape_xml(std::string_view text);

// "<p class="asked">content</p>" for the tag `p class="asked"`.
std::string element(std::string_view tag, std::string_view content);

std::string marked_html(std::string_view text);
// Only `code` and **bold** keep their meaning; nothing else of Markdown is read into the text.
std::string marked_markdown(std::string_view text);
// With colour, terminal escapes take the place of the marks; without, the marks stay.
std::string marked_terminal(std::string_view text, bool colour);

}  // namespace report
