// bin/vertical_worker: the server or a client of split learning on heart.csv, or of the joint VAE,
// in a process of its own. tools/vertical.sh starts all of them on one machine.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "fl/vertical/coder.h"
#include "fl/vertical/columns.h"
#include "fl/vertical/joint_vae.h"
#include "fl/vertical/server.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/mailbox/mailbox.h"
#include "tools/federated/results.h"
#include "tools/homework2/record.h"
#include "tools/homework2/run.h"
#include "tools/homework2/split.h"
#include "tools/program/dropout_rng.h"
#include "tools/program/options.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/training/access.h"
#include "tools/vertical/remote.h"
#include "tools/vertical/remote_coder.h"

namespace {

enum class Network { split, vae };

struct CommandLine {
  training::RankOptions rank;  // its mailbox
  int clients = 4;
  Network network = Network::split;
  homework2::Setting setting;
  fl::vertical::Quirks quirks = fl::vertical::Quirks::of_the_lab();
  std::filesystem::path data, out = "out/vertical";
  std::optional<int> parent;
};

void parse(int argc, char** argv, CommandLine& line) {
  using fl::vertical::Quirks;
  tools::Options options(
      "vertical_worker",
      "The server or a client of split learning, or of a joint VAE, as a process.");
  options.add("--clients", line.clients, "how many share the features").between(1, 13);
  options.add("--rank", line.rank.rank, "0: the server; 1, 2, ...: the clients");
  options.add("--address", line.rank.addresses,
              "ipc:///folder or tcp://host:port: rank r listens at /r or port + r");
  options.add(
      "--keys", line.rank.keys,
      "folder with keys from pipeline_worker --make-keys, for addresses beyond this machine");
  options.add("--run", line.rank.run, "number of the run, the same on all ranks; or $TRIBUTARY_RUN")
      .between(std::uint64_t{0}, tools::largest_seed);
  options.add("--timeout", line.rank.timeout, "longest wait for another rank, in seconds")
      .between(0.1, 1e6);
  options.add("--network", line.network, {{"split", Network::split}, {"vae", Network::vae}},
              "split: the lab's classifier; vae: exercise 3");
  options.add("--epochs", line.setting.epochs, "epochs: 300, or 200 with vae")
      .between(1, 1'000'000);
  options.add("--seed", line.setting.seed, "of the weights and the masks")
      .between(std::uint64_t{0}, tools::largest_seed);
  tools::add_dropout_rng(options, line.setting.stream);
  options.add(
      "--quirks", line.quirks,
      {{"lab", Quirks::of_the_lab()}, {"published", Quirks::as_published()}, {"none", Quirks{}}},
      "lab: gradients zeroed once an epoch, dropout on the scores and in the test; "
      "published: the same, and clients' models are not trained");
  options.add("--data", line.data, "folder with heart.csv: data/raw/heart");
  options.add("--out", line.out, "folder for the server's results");
  options.add("--parent", line.parent,
              "process that started this rank; the rank stops when it ends");
  options.parse(argc, argv);
  const bool is_of_split =
      line.quirks != Quirks::of_the_lab() || line.setting.stream != nn::DropoutStream::mt;
  if (line.network == Network::vae && is_of_split)
    throw nn::InputError("--network vae has no dropout, and none of the lab's quirks",
                         "leave --quirks and --dropout-rng out");
}

void report_epoch(homework2::Curve& curve, double loss, std::optional<double> accuracy) {
  std::cout << "epoch " << curve.loss.size();
  if (accuracy) std::cout << "  " << federated::percent(*accuracy) << " %";
  std::cout << "  loss " << loss << '\n';
  curve.loss.push_back(loss);
  if (accuracy) curve.accuracy.push_back(*accuracy);
}

void serve_split(const CommandLine& line, const fl::vertical::Config& config,
                 const std::vector<int>& labels, pipeline::Mailbox& mailbox) {
  fl::vertical::Clients clients;
  for (int client = 0; client < config.clients(); ++client)
    clients.push_back(std::make_unique<vertical::RemoteClient>(mailbox, config, client));
  homework2::Curve curve{"processes", {}};
  const auto history = fl::vertical::train(
      config, labels, clients,
      [&](const fl::vertical::Epoch& epoch) { report_epoch(curve, epoch.loss, epoch.accuracy); });
  nn::write_file_atomically(line.out / "lab2b.csv", homework2::to_csv(curve));
  std::cout << "test accuracy " << federated::percent(history.test_accuracy) << " %; losses in "
            << (line.out / "lab2b.csv").string() << std::endl;
}

void serve_vae(const CommandLine& line, const fl::vertical::Config& config,
               pipeline::Mailbox& mailbox) {
  fl::vertical::Coders clients;
  for (int client = 0; client < config.clients(); ++client)
    clients.push_back(std::make_unique<vertical::RemoteCoder>(mailbox, client));
  homework2::Curve curve{"processes", {}};
  fl::vertical::train_joint_vae(config, clients,
                                [&](double loss) { report_epoch(curve, loss, {}); });
  nn::write_file_atomically(line.out / "vae.csv", homework2::to_csv(curve));
  std::cout << "losses in " << (line.out / "vae.csv").string() << std::endl;
}

// Meets the other ranks, works with them, and parts from them.
void with_others(const CommandLine& line, const pipeline::Mailbox::Rule& rule,
                 const std::string& terms, const std::function<void(pipeline::Mailbox&)>& work) {
  const int rank = line.rank.rank;
  pipeline::Network network;
  auto access = training::mailbox_options(line.rank);
  if (rank > 0) access.links = {0};  // clients know the server alone
  pipeline::Mailbox mailbox(network, access);
  try {
    mailbox.expect(rule);
    mailbox.meet(terms, access.deadline);
    work(mailbox);
    mailbox.part();
  } catch (const pipeline::PeerLost& lost) {
    mailbox.announce_failure(lost.news);
    throw;
  } catch (const pipeline::Mailbox::Stopped&) {
    mailbox.announce_failure(nn::concat("rank ", rank, " was told to stop"));
    throw tools::Stopped{tools::stop_signal()};
  } catch (const std::exception& error) {
    mailbox.announce_failure(nn::concat("rank ", rank, " failed: ", error.what()));
    throw;
  }
}

// A client is made before the network and outlives it: messages read its memory.
void run_rank(const CommandLine& line) {
  const data::Table table = homework2::scaled(homework2::read_heart(line.data));
  const auto shares = fl::vertical::deal_in_order(table.features, line.clients);
  const int rank = line.rank.rank, client = rank - 1;
  const auto columns = [&] { return fl::vertical::columns_of(table, shares.at(client)); };
  if (line.network == Network::vae) {
    const auto config = homework2::vae_config(line.setting, table, shares);
    std::optional<fl::vertical::LocalCoder> coder;
    if (rank > 0) coder.emplace(config, client, columns());
    with_others(line, vertical::coder_rule_of(config, rank),
                vertical::terms_of(config) + "\njoint VAE", [&](pipeline::Mailbox& mailbox) {
                  if (rank == 0)
                    serve_vae(line, config, mailbox);
                  else
                    vertical::serve(*coder, config, mailbox);
                });
    return;
  }
  const auto config = homework2::split_config(line.setting, table, shares, line.quirks);
  std::optional<fl::vertical::LocalClient> bottom;
  if (rank > 0) bottom.emplace(config, client, columns());
  with_others(line, vertical::rule_of(config, rank), vertical::terms_of(config),
              [&](pipeline::Mailbox& mailbox) {
                if (rank == 0)
                  serve_split(line, config, table.labels, mailbox);
                else
                  vertical::serve(*bottom, config, mailbox);
              });
}

int run_command(int argc, char** argv) {
  CommandLine line;
  line.rank.run = training::run_of_environment();
  parse(argc, argv, line);
  line.rank.config.topology.stages = line.clients + 1;
  line.rank.stop = &tools::stop_on_signals();
  if (line.parent) tools::stop_with_parent(*line.parent);
  if (line.rank.rank == 0) nn::require_writable_folder(line.out);
  run_rank(line);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] { return run_command(argc, argv); });
}
