#include "tools/homework2/split.h"

#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "fl/vertical/client.h"
#include "fl/vertical/server.h"
#include "nn/base/split.h"

namespace homework2 {

namespace vertical = fl::vertical;

data::Table scaled(data::Table table) {
  std::vector<int> rows(table.rows());
  std::iota(rows.begin(), rows.end(), 0);
  data::scale_to_unit(table, rows);
  return table;
}

vertical::Config split_config(const Setting& setting, const data::Table& table,
                              const vertical::Shares& shares, vertical::Quirks quirks) {
  vertical::Config config;
  for (const auto& features : shares)
    config.columns.push_back(vertical::count_columns(table, features));
  config.classes = static_cast<nn::index>(table.classes.size());
  config.rows = table.rows();
  config.train_rows = table.rows() * 4 / 5 + 1;
  config.epochs = setting.epochs.value_or(config.epochs);
  config.seed = setting.seed;
  config.stream = setting.stream;
  config.quirks = quirks;
  return config;
}

vertical::Config vae_config(const Setting& setting, const data::Table& table,
                            const vertical::Shares& shares) {
  vertical::Config config = split_config(setting, table, shares, {});
  config.epochs = setting.epochs.value_or(200);
  return config;
}

namespace {

Curve train_split(const ExerciseContext& context, const std::string& name,
                  const data::Table& scaled_table, const vertical::Shares& shares,
                  vertical::Quirks quirks) {
  const vertical::Config config = split_config(context.setting, scaled_table, shares, quirks);
  vertical::Clients clients;
  for (const auto& features : shares)
    clients.push_back(std::make_unique<vertical::LocalClient>(
        config, static_cast<int>(clients.size()), vertical::columns_of(scaled_table, features)));
  Curve curve{name, {}};
  context.on_epoch(name, 0, config.epochs);
  const vertical::History history =
      vertical::train(config, scaled_table.labels, clients, [&](const vertical::Epoch& epoch) {
        curve.loss.push_back(epoch.loss);
        curve.accuracy.push_back(epoch.accuracy);
        context.on_epoch(name, static_cast<int>(curve.loss.size()), config.epochs);
      });
  curve.measures[test_accuracy] = history.test_accuracy;
  curve.features = text_of(shares);
  return curve;
}

}  // namespace

Curve run_split(const ExerciseContext& context, const std::string& name,
                const data::Table& scaled_table, const vertical::Shares& shares,
                vertical::Quirks quirks) {
  return context.keep_one(name,
                          [&] { return train_split(context, name, scaled_table, shares, quirks); });
}

std::string text_of(const vertical::Shares& shares) {
  std::string text;
  for (const auto& features : shares) text += (text.empty() ? "" : " | ") + nn::join(features, " ");
  return text;
}

}  // namespace homework2
