#include <array>
#include <memory>
#include <vector>

#include "fl/vertical/coder.h"
#include "fl/vertical/joint_vae.h"
#include "nn/base/error.h"
#include "tools/homework2/split.h"
#include "tools/report/axis.h"

namespace homework2 {

namespace {

struct Layout {
  const char* name;
  int clients;
};
constexpr std::array<Layout, 2> layouts{{{"four clients", 4}, {"one client with all columns", 1}}};
constexpr const char *kilobytes = "kB per epoch", *means_loss = "Loss of the means";

// The loss per row if every column were decoded as its mean over the rows that train.
double loss_of_means(const data::Table& table, int rows) {
  double loss = 0;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    double sum = 0, squares = 0;
    for (int row = 0; row < rows; ++row) {
      const double value = table.row(row)[column];
      sum += value;
      squares += value * value;
    }
    loss += squares / rows - sum / rows * (sum / rows);
  }
  return loss;
}

Curve train_layout(const ExerciseContext& context, const data::Table& table, const Layout& layout) {
  const auto shares = fl::vertical::deal_in_order(table.features, layout.clients);
  const fl::vertical::Config config = vae_config(context.setting, table, shares);
  fl::vertical::Coders clients;
  for (const auto& features : shares)
    clients.push_back(std::make_unique<fl::vertical::LocalCoder>(
        config, static_cast<int>(clients.size()), fl::vertical::columns_of(table, features)));
  Curve curve{layout.name, {}};
  context.on_epoch(layout.name, 0, config.epochs);
  fl::vertical::train_joint_vae(config, clients, [&](double loss) {
    curve.loss.push_back(loss);
    context.on_epoch(layout.name, static_cast<int>(curve.loss.size()), config.epochs);
  });
  curve.measures[kilobytes] = fl::vertical::bytes_of_epoch(config) / 1000;
  curve.measures[means_loss] = loss_of_means(table, config.train_rows);
  return curve;
}

}  // namespace

std::vector<Curve> run_ex3(const ExerciseContext& context) {
  const data::Table table = scaled(context.table);
  std::vector<Curve> curves;
  for (const Layout& layout : layouts)
    curves.push_back(
        context.keep_one(layout.name, [&] { return train_layout(context, table, layout); }));
  return curves;
}

report::Document write_ex3(std::span<const Curve> curves) {
  const Curve &four = named(curves, layouts[0].name), &one = named(curves, layouts[1].name);
  report::Document out{"Exercise 3: a VAE over encodings", {}};
  out.blocks.emplace_back(report::Paragraph{
      "One network over all parties, trained together: four clients encode their columns, four "
      "numbers each; the server runs a VAE over the sixteen numbers and cuts up its output; the "
      "clients decode their parts. The loss per row is the squared error over all columns plus "
      "the KL divergence. For comparison, one client encodes all columns in four numbers."});
  add_losses("ex3", "plot1", "The joint VAE's loss per row", curves, out);
  const double first = four.loss.front(), last = four.loss.back(), alone = one.loss.back(),
               sent = four.measures.at(kilobytes), means = four.measures.at(means_loss);
  out.blocks.emplace_back(report::Question{
      "How much does the joint VAE learn?",
      nn::concat("Decoding every column as its mean would give a loss of ", report::fixed(means, 2),
                 ", and training ends at ", report::fixed(last, 2), ". ",
                 last > 0.9 * means
                     ? "So hardly anything passes through the latents: for columns between 0 and "
                       "1, a squared error is so small beside the KL divergence that leaving the "
                       "latents unused costs least (posterior collapse). A smaller weight of the "
                       "divergence, or a likelihood that fits categories, would change that."
                     : "So the latents carry what makes up the difference.")});
  out.blocks.emplace_back(report::Question{
      "Should the clients' parts be trained first?",
      nn::concat(
          "Together, the loss per row falls from ", report::fixed(first, 2), " to ",
          report::fixed(last, 2), " in ", four.loss.size(),
          " epochs (one client: ", report::fixed(alone, 2),
          "). The alternative trains each client's encoder and decoder as an autoencoder at home, "
          "and then the VAE on fixed encodings.\n\n**Privacy**: trained together, the server sees "
          "the encodings of every row in every epoch and the gradients of both ends, more material "
          "for reconstructing columns than one set of encodings from finished encoders. In "
          "neither case is an encoding protected by itself; noise or secure computation would "
          "have to be added.\n\n**Communication**: here ",
          report::fixed(sent, 0), " kB pass in an epoch, ",
          report::fixed(sent * static_cast<double>(four.loss.size()) / 1000, 1),
          " MB in all. With clients trained first, encodings are sent once, a quarter of one "
          "epoch's bytes: ",
          report::fixed(sent / 4, 0),
          " kB; and clients need not wait for each other.\n\n**Performance**: trained together, "
          "encoders learn what the others need, so what depends on columns of two clients is "
          "kept; an autoencoder at home keeps what its own columns vary in most and may drop "
          "weak signals that matter jointly. On the other hand, four numbers per client limit "
          "both.")});
  return out;
}

}  // namespace homework2
