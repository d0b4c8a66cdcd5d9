#include "tools/homework/publish.h"

#include "nn/file.h"
#include "tools/report/html.h"
#include "tools/report/notebook.h"
#include "tools/report/svg.h"

namespace homework {

void publish(const std::filesystem::path& out, const std::string& title,
             std::span<const Publication> publications, const std::string& notebook) {
  report::Document all{title, {}};
  for (const Publication& publication : publications) {
    const auto& [folder, document, csv] = publication;
    if (!csv.empty()) nn::write_file_atomically(out / folder / "results.csv", csv);
    all.blocks.emplace_back(report::Heading{document.title, 2});
    for (const report::Block& block : document.blocks) {
      all.blocks.push_back(block);
      if (const auto* plot = std::get_if<report::LinePlot>(&block))
        nn::write_file_atomically(out / folder / (plot->file_name + ".svg"), report::to_svg(*plot));
    }
  }
  nn::write_file_atomically(out / "report.html", report::to_html(all));
  if (!notebook.empty()) nn::write_file_atomically(out / notebook, report::to_notebook(all));
}

}  // namespace homework
