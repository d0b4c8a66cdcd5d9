// bin/federated run, told by a caller and watched by it.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fl/server.h"
#include "tools/federated/command_line.h"
#include "tools/federated/commands.h"
#include "tools/federated/outputs.h"
#include "tools/federated/results.h"
#include "tools/federated/runner.h"
#include "tools/program/program.h"
#include "tools/program/provenance.h"
#include "tools/python/arrays.h"
#include "tools/python/guarded.h"
#include "tools/python/model.h"
#include "tools/python/tributary.h"

namespace python {

namespace {

struct Request {
  federated::Experiment experiment;
  federated::Resources resources;
  federated::Outputs outputs;
};

Request parse(std::vector<std::string> words) {
  Request request;
  request.outputs.is_full = true;
  federated::RunArguments arguments;
  tools::Options parser{"federated", ""};
  arguments.add_to(parser, request.experiment);
  federated::add_outputs(parser, request.outputs);
  federated::add_common(parser, request.experiment, request.resources);
  std::vector<char*> values;
  for (std::string& word : words) values.push_back(word.data());
  try {
    parser.parse(static_cast<int>(values.size()), values.data());
  } catch (const tools::AskedForHelp&) {
    throw nn::InputError("help is not a run", "fl/README.md explains the options");
  }
  arguments.apply(request.experiment);
  federated::check(request.outputs);
  federated::require_writable(request.outputs);
  return request;
}

// Returns the model as it is after the last round.
std::unique_ptr<tributary_model> run(const Request& request, const federated::Dataset& data,
                                     const tributary_watcher& watcher) {
  const auto& [asked, resources, outputs] = request;
  std::ostringstream log;
  std::atomic<bool> stop = false;
  const federated::Experiment experiment = federated::with_clients_of(*data.train, asked);
  federated::validate(experiment, data.task());
  auto model = std::make_unique<tributary_model>(experiment, *data.train);
  federated::Runner runner(
      data.task(),
      {.threads = resources.threads,
       .stop = &stop,
       .log = &log,
       .open_saved =
           [&](const std::string&) {
             return outputs.checkpoint.empty() ? nullptr
                                               : std::make_unique<federated::SavedRun>(
                                                     outputs.checkpoint, outputs.may_resume, log);
           },
       .watch =
           [&](const std::vector<fl::Round>& rounds, fl::Server& server) {
             std::ranges::copy(server.weights(), model->parameters().values().begin());
             std::ranges::copy(server.buffers(), model->parameters().buffers().begin());
             const double accuracy = rounds.empty() ? 0 : rounds.back().accuracy;
             stop = watcher.played(static_cast<int>(rounds.size()), experiment.rounds, accuracy,
                                   std::exchange(log, std::ostringstream()).str().c_str());
           }});
  const federated::Run run = runner.run(experiment);
  if (!run.rounds.empty()) {
    nn::Metadata made = tools::provenance();
    made["dataset"] = data.name;
    made["threads"] = std::to_string(resources.threads);
    federated::write_outputs(run, outputs, made);
    watcher.ended(federated::to_full_csv(std::vector{run}).c_str());
  }
  if (!run.is_complete()) throw tools::Stopped{SIGINT};
  return model;
}

}  // namespace

}  // namespace python

int tributary_federated(const tributary_data* data, const char* const* options, int count,
                        const tributary_watcher* watcher, tributary_model** model,
                        tributary_error* error) {
  return python::guarded(error, [&] {
    std::vector<std::string> words{"federated"};
    words.insert(words.end(), options, options + count);
    const python::Request request = python::parse(std::move(words));
    const federated::Dataset dataset =
        data ? federated::Dataset(*data) : federated::open_dataset(request.resources.data);
    *model = python::run(request, dataset, *watcher).release();
  });
}
