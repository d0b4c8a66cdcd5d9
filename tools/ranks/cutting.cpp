#include "tools/ranks/cutting.h"

#include "nn/base/error.h"
#include "nn/models/language_model.h"
#include "nn/models/text_model.h"
#include "pipeline/cut.h"
#include "pipeline/schedules/schedule.h"

namespace ranks {

pipeline::TrainingConfig config_of(const nn::Model& model, const Cutting& cutting, int ranks,
                                   nn::Precision precision) {
  const auto* text = dynamic_cast<const nn::TextModel*>(&model);
  if (!text)
    throw nn::InputError("--stages cuts language models alone, and --model is another one",
                         "choose --model llama, or leave --stages out");
  if (nn::tied_tensor(text->config()))
    throw nn::InputError(nn::concat("--stages cannot cut ", text->config().kind().name,
                                    ", whose first and last stage share weights"),
                         "choose --model llama, or leave --stages out");
  pipeline::TrainingConfig config{.model = text->config(),
                                  .topology = {cutting.stages, ranks / cutting.stages},
                                  .schedule = cutting.schedule,
                                  .length = static_cast<int>(text->config().max_positions)};
  config.precision = nn::name_of(precision);
  config.chunks = pipeline::schedule_named(config.schedule).least_chunks;
  config.cut = pipeline::default_cut(static_cast<int>(config.model.layers),
                                     config.topology.stages * config.chunks);
  return config;
}

}  // namespace ranks
