#include "pipeline/outer_steps/sync_times.h"

#include <charconv>
#include <cstdint>

#include "nn/base/error.h"
#include "nn/models/language_model.h"
#include "pipeline/outer_steps/wire_formats.h"

namespace pipeline {

using nn::demand;

namespace {

void require_alone(const TrainingConfig& config) {
  const auto refuse = [](bool is_given, const char* option, const char* why) {
    demand(!is_given, nn::concat("--sync-every does not go with ", option, ": ", why),
           nn::concat("leave ", option, " or --sync-every out"));
  };
  refuse(config.is_elastic, "--elastic", "a lost pipeline's weights are nowhere else");
  refuse(config.shares_moments, "--zero1", "each pipeline has moments of its own");
  refuse(config.splits_head, "--split-head", "outer steps need a whole head");
  refuse(config.has_exact_sums, "--exact-sums",
         "what is learnt depends on the number of pipelines in any case");
  refuse(config.skips_bad_steps, "--skip-bad-steps",
         "a pipeline does not know of the bad steps of others");
}

std::string all_digits(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

int fragment_of(const TrainingConfig& config, int block) {
  const bool is_tied_head =
      block == config.model.layers + 1 && nn::tied_tensor(config.model).has_value();
  return is_tied_head ? 0 : block % config.sync.fragments;
}

// The steps since the last multiple of `every` after which a fragment's exchange starts.
std::int64_t offset_of(const Synchronisation& sync, int fragment) {
  return (fragment + std::int64_t{1}) * sync.every / sync.fragments % sync.every;
}

}  // namespace

void require_valid_synchronisation(const TrainingConfig& config) {
  const Synchronisation& sync = config.sync;
  demand(sync.every >= 0, "the number of steps between synchronisations cannot be negative",
         "--sync-every 100");
  demand(sync.every > 0 || sync == Synchronisation{},
         "--outer-lr, --outer-momentum, --sync-wire, --stream and --stream-delay are about "
         "pipelines that train alone",
         "--sync-every 100");
  if (sync.every == 0) return;
  demand(sync.fragments >= 0, "the number of fragments cannot be negative", "--stream 4");
  require_alone(config);
  demand(sync.learning_rate > 0 && sync.learning_rate <= 1e6,
         "the outer learning rate must be above 0 and at most 1e6", "--outer-lr 0.7");
  demand(sync.momentum >= 0 && sync.momentum < 1, "the outer momentum must be from 0 to below 1",
         "--outer-momentum 0.9");
  wire_format_named(sync.wire);
  demand(sync.wire != "int8" || !nn::tied_tensor(config.model),
         "with int8 the two copies of a weight that embedding and head share would differ",
         "choose --sync-wire half");
  demand(sync.fragments > 0 || sync.delay == Synchronisation{}.delay,
         "--stream-delay is about fragments", "add --stream 4");
  if (sync.fragments == 0) return;
  demand(sync.fragments <= config.model.layers + 2,
         nn::concat("the model's ", config.model.layers + 2, " blocks do not divide into ",
                    sync.fragments, " fragments"),
         "choose a smaller --stream");
  demand(sync.fragments <= sync.every,
         nn::concat(sync.fragments, " fragments cannot take turns in ", sync.every, " steps"),
         "choose a smaller --stream, or a larger --sync-every");
  demand(sync.delay >= 0 && sync.delay < sync.every,
         "an exchange must be over before the next one of the same fragment",
         "choose --stream-delay from 0 to below --sync-every");
}

int exchange_delay(const TrainingConfig& config, int done) {
  return config.sync.fragments == 0 || done == config.steps ? 0 : config.sync.delay;
}

bool exchange_starts_after(const TrainingConfig& config, int done, int block) {
  const Synchronisation& sync = config.sync;
  if (sync.every == 0 || done <= 0) return false;
  if (done == config.steps) return true;
  if (done + std::int64_t{exchange_delay(config, done)} >= config.steps) return false;
  return done % sync.every ==
         (sync.fragments == 0 ? 0 : offset_of(sync, fragment_of(config, block)));
}

bool exchange_ends_after(const TrainingConfig& config, int done, int block) {
  return exchange_starts_after(config, done - exchange_delay(config, done), block);
}

std::string to_text(const Synchronisation& sync, int pipelines) {
  if (sync.every == 0) return "none";
  return nn::concat("every ", sync.every, ", ", pipelines, " pipelines, outer-lr ",
                    all_digits(sync.learning_rate), ", outer-momentum ", all_digits(sync.momentum),
                    ", ", sync.wire,
                    sync.fragments == 0
                        ? ""
                        : nn::concat(", stream ", sync.fragments, ", stream-delay ", sync.delay));
}

}  // namespace pipeline
