#include "tools/report/document.h"

#include "nn/base/error.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"

namespace report {
namespace {

using nn::concat;

constexpr std::string_view page_style = R"css(
* { box-sizing: border-box; }
body { max-width: 53rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; font-size: 1.0625rem;
       line-height: 1.6; background: var(--paper); color: var(--ink); }
h1, h2, h3, h4 { line-height: 1.25; margin: 2.2em 0 .6em; text-wrap: balance; }
h1 { font-size: 1.9rem; margin-top: 0; letter-spacing: -.01em; }
h2 { font-size: 1.5rem; padding-bottom: .3em; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1.15rem; }
p { margin: .8em 0; }
code { font-size: .88em; padding: .1em .3em; border-radius: 4px; background: var(--shade); }
pre { overflow-x: auto; padding: .9em 1.1em; border-radius: 6px; background: var(--shade); }
pre code { padding: 0; background: none; }
.wide { margin: 1.8rem 0; overflow-x: auto; }
.plot { display: block; width: 100%; min-width: 34rem; height: auto; }
table { margin: 0 auto; border-collapse: collapse; border-bottom: 1.5px solid var(--ink);
        font-size: .94rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .6em; color: var(--faint); text-align: left; }
th, td { padding: .36em .8em; text-align: left; vertical-align: bottom; }
td { white-space: nowrap; }
thead { border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--ink); }
tbody tr + tr { border-top: 1px solid var(--rule); }
.number { text-align: right; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1.2em;
          font-size: .94rem; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.question { margin: 1.8rem 0; padding: .2rem 1.3rem .4rem; border-left: 4px solid var(--accent);
            border-radius: 0 6px 6px 0; background: var(--shade); }
.asked { font-weight: 600; }
@media (max-width: 40rem) {
  body { padding: 1.5rem .8rem 3rem; font-size: 1rem; }
  table { font-size: .82rem; }
  th, td { padding: .36em .4em; }
  pre { padding: .7em .8em; font-size: .82rem; }
  .question { padding: .1rem .8rem .3rem; }
  /* A shadow where there is more: the paper scrolls with the content, the shadow does not. */
  .wide { background: linear-gradient(90deg, var(--paper) 50%, transparent) 0 / 3rem 100% local,
                      linear-gradient(-90deg, var(--paper) 50%, transparent) 100% / 3rem 100% local,
                      linear-gradient(90deg, var(--rule), transparent) 0 / .8rem 100% scroll,
                      linear-gradient(-90deg, var(--rule), transparent) 100% / .8rem 100% scroll;
          background-repeat: no-repeat; }
}
@media print {
  @page { margin: 18mm 16mm; }
  :root { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  h1, h2, h3, h4, .asked, caption { break-after: avoid; }
  .plot, pre, tr, .question { break-inside: avoid; }
  .plot { min-width: 0; max-width: 15cm; margin: 0 auto; }
  .wide { overflow: visible; }
}
)css";

std::string css(const Colours& colours) {
  return concat(":root { --paper: ", colours.paper, "; --shade: ", colours.shade,
                "; --ink: ", colours.ink, "; --faint: ", colours.faint, "; --rule: ", colours.rule,
                "; --accent: ", colours.lines[0], "; }\n");
}

// Scrolls sideways where the page is too narrow.
std::string wide(const std::string& content) { return element("div class=\"wide\"", content); }

struct HtmlWriter {
  std::string operator()(const Heading& heading) const {
    return element(concat("h", heading.level), escape_xml(heading.text));
  }
  std::string operator()(const Paragraph& paragraph) const {
    std::string html;
    for (const std::string& text : paragraphs(paragraph.text))
      html += element("p", marked_html(text)) + "\n";
    return html;
  }
  std::string operator()(const Table& table) const {
    const auto row_html = [&](const std::vector<std::string>& row, std::string_view tag) {
      std::string cells;
      for (std::size_t i = 0; i < row.size(); ++i)
        cells += element(concat(tag, table.has_numbers(i) ? " class=\"number\"" : ""),
                         escape_xml(row[i]));
      return element("tr", cells) + "\n";
    };
    std::string html = "\n", body = "\n";
    if (!table.caption.empty()) html += element("caption", marked_html(table.caption)) + "\n";
    html += element("thead", "\n" + row_html(table.header, "th")) + "\n";
    for (const auto& row : table.rows) body += row_html(row, "td");
    return wide(element("table", html + element("tbody", body) + "\n"));
  }
  std::string operator()(const auto& picture) const { return wide(to_svg(picture)); }
  std::string operator()(const Question& question) const {
    const std::string asked = element("p class=\"asked\"", marked_html(question.question));
    return element("div class=\"question\"", asked + "\n" + (*this)(Paragraph{question.answer}));
  }
  std::string operator()(const Facts& facts) const {
    std::string html = "\n";
    for (const auto& [name, value] : facts.values)
      html += element("dt", escape_xml(name)) + element("dd", escape_xml(value)) + "\n";
    return element("dl class=\"facts\"", html);
  }
  std::string operator()(const Code& code) const {
    return element("pre", element("code", escape_xml(code.source)));
  }
};

}  // namespace

std::string to_html(const Block& block) { return std::visit(HtmlWriter{}, block) + "\n"; }

std::string to_html(const Document& document) {
  const std::string title = escape_xml(document.title);
  std::string body = element("h1", title) + "\n";
  for (const Block& block : document.blocks) body += to_html(block);
  const std::string style =
      concat(":root { color-scheme: light dark; }\n", css(light),
             "@media (prefers-color-scheme: dark) {\n", css(dark), "}\nbody { font-family: ", font,
             "; }\ncode { font-family: ", code_font, "; }", page_style);
  return concat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                element("title", title), "\n", element("style", style), "\n</head>\n<body>\n", body,
                "</body></html>\n");
}

}  // namespace report
