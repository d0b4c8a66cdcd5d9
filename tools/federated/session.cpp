#include "tools/federated/session.h"

#include <unistd.h>

#include <iostream>

#include "tools/federated/partition_picture.h"
#include "tools/program/program.h"
#include "tools/program/provenance.h"
#include "tools/program/signals.h"

namespace federated {

Session::Session(const Resources& resources, const std::atomic<bool>& stop, OpenSaved open_saved,
                 Runner::MakeExecutor make_executor)
    : dataset_(open_dataset(resources.data)),
      threads_(resources.threads),
      bar_(std::cerr, STDERR_FILENO),
      runner_(dataset_.task(),
              {resources.threads, &stop, &std::cerr, isatty(STDERR_FILENO) ? &bar_ : nullptr,
               std::move(open_saved), std::move(make_executor)}) {
  if (!dataset_.description.empty()) std::cerr << dataset_.description << '\n';
}

Experiment Session::with_clients(const Experiment& experiment) const {
  return with_clients_of(*dataset_.train, experiment);
}

Run Session::run(const Experiment& experiment) {
  Run run = runner_.run(experiment);
  bar_.clear();
  return run;
}

std::vector<Run> Session::run_all(const std::vector<Experiment>& experiments,
                                  const std::string& kept) {
  std::vector<Run> runs;
  for (const Experiment& experiment : experiments) {
    runs.push_back(run(experiment));
    if (runs.back().is_complete()) continue;
    std::cerr << "stopped; the rounds so far are kept in " << kept
              << ", and the same command goes on with them:\n  " << made().at("command") << '\n';
    throw tools::Stopped{tools::stop_signal()};
  }
  return runs;
}

void Session::print(const report::Document& document) const {
  std::cout << report::to_text(document, isatty(STDOUT_FILENO)) << std::flush;
}

std::string Session::partition_svg(const Experiment& experiment) const {
  return federated::partition_svg(*dataset_.train, experiment);
}

nn::Metadata Session::made() const {
  nn::Metadata made = tools::provenance();
  made["dataset"] = dataset_.name;
  made["threads"] = std::to_string(threads_);
  return made;
}

}  // namespace federated
