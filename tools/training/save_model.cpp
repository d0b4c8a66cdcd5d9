#include "tools/training/save_model.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tokenizers/vocabulary.h"
#include "nn/base/error.h"
#include "nn/base/storage.h"
#include "nn/files/checkpoint.h"
#include "nn/files/folder_replacement.h"
#include "nn/files/manifest.h"
#include "nn/models/hugging_face.h"
#include "pipeline/checkpoint_terms.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/split_head/gathered_head.h"
#include "pipeline/topology.h"
#include "pipeline/training_config.h"

namespace training {

namespace {

using pipeline::TrainingConfig, pipeline::Mailbox, pipeline::Tag, pipeline::Topology,
    pipeline::part_size;

// The messages of a save. Rank 0 marks its folder and sends the mark to all. Each other rank of the
// first pipeline replies with the number of parts that its shard will come in: none if it sees the
// mark and writes the shard itself. Then follow as many turns as the longest shard has parts. In
// turn i each rank with a part i sends it; rank 0 writes them and answers all ranks. So memory
// holds one part per rank, and no wait is longer than a turn. Last come each shard's name, length
// and checksum.
constexpr Tag mark{Tag::save, 0, 0, 0}, parts{Tag::save, 0, 0, 0}, turns{Tag::save, 0, 0, 1},
    shard{Tag::save, 0, 0, 1};
Tag turn(int number) { return {Tag::save, 0, number, 0}; }  // from 1

// Splits content that lies in several pieces of memory into parts of one size.
class Parts {
 public:
  explicit Parts(nn::FileParts content) : rest_(content.begin(), content.end()) {}

  int count() const {
    std::size_t size = 0;
    for (std::string_view piece : rest_) size += piece.size();
    return static_cast<int>((size + part_size - 1) / part_size);
  }

  std::string next() {
    std::string part;
    while (part.size() < part_size && first_ < rest_.size()) {
      std::string_view& piece = rest_[first_];
      const std::size_t size = std::min(piece.size(), part_size - part.size());
      part += piece.substr(0, size);
      piece.remove_prefix(size);
      if (piece.empty()) ++first_;
    }
    return part;
  }

 private:
  std::vector<std::string_view> rest_;
  std::size_t first_ = 0;
};

// On rank 0: marks the folder and tells all ranks the mark.
void show_folder(Mailbox& mailbox, nn::FolderReplacement& folder) {
  if (mailbox.ranks() == 1) return;
  std::random_device random;
  const std::string text =
      nn::concat(std::hex, random(), '-', random(), '-', random(), '-', random());
  folder.leave_mark(text);
  for (int other = 1; other < mailbox.ranks(); ++other) mailbox.send_text(other, mark, text);
}

bool has_shard(const TrainingConfig& config, int rank) {
  return config.topology.pipeline(rank) == 0;
}

nn::SavedFile nothing_of(const TrainingConfig& config, int stage) {
  return {nn::shard_name(stage, config.topology.stages), 0, 0};
}

// The weight of a split head, on the rank that saves it.
std::vector<nn::real> whole_head(const TrainingConfig& config, pipeline::Stage& stage,
                                 Mailbox& mailbox) {
  if (!config.splits_head || !has_shard(config, mailbox.rank())) return {};
  const std::array<std::span<const nn::real>, 1> rows{stage.model().head_rows().value().span()};
  std::vector<std::vector<nn::real>> whole = pipeline::gather_head(
      config, mailbox, pipeline::tag_of_gathered_weight, rows, "saving the model");
  return whole.empty() ? std::vector<nn::real>() : std::move(whole.front());
}

// On every rank but 0.
void save_shard(const TrainingConfig& config, Mailbox& mailbox, nn::FolderReplacement& folder,
                const nn::SafetensorsContent& content) {
  const auto hear = [&](Tag tag) { return mailbox.receive(0, tag, "saving the model"); };
  const bool is_shared = folder.has_mark(hear(mark).text());
  nn::SavedFile file = nothing_of(config, config.topology.stage(mailbox.rank()));
  Parts rest(content.parts());
  const bool is_sent = has_shard(config, mailbox.rank()) && !is_shared;
  const int count = is_sent ? rest.count() : 0;
  if (has_shard(config, mailbox.rank())) {
    if (!is_sent) file = folder.write(file.name, content.parts());
    mailbox.send_number(0, parts, count);
  }
  const int all = static_cast<int>(mailbox.receive_number(0, turns, "saving the model"));
  for (int number = 1; number <= all; ++number) {
    if (number <= count) {
      const std::string part = rest.next();
      file = nn::extended(file, part);
      mailbox.send_text(0, turn(number), part);
    }
    hear(turn(number));
  }
  if (!has_shard(config, mailbox.rank())) return;
  mailbox.send_text(0, shard, to_text(file));
  if (is_sent)
    std::cout << "model: sent " << file.name << " to rank 0, whose folder this rank cannot see"
              << std::endl;
}

// On rank 0: collects all other shards in its folder.
std::vector<nn::SavedFile> gather_shards(const TrainingConfig& config, Mailbox& mailbox,
                                         nn::FolderReplacement& folder) {
  const Topology& topology = config.topology;
  struct Incoming {
    int rank, count;
    nn::SavedFile file;
  };
  const auto to_all = [&](const auto& send) {
    for (int other = 1; other < mailbox.ranks(); ++other) send(other);
  };
  const auto waiting_for = [](int rank) {
    return nn::concat("rank 0 waited for the shard of rank ", rank);
  };
  std::vector<Incoming> all;
  int longest = 0;
  for (int stage = 1; stage < topology.stages; ++stage) {
    const int rank = topology.rank(0, stage);
    const double count = mailbox.receive_number(rank, parts, waiting_for(rank));
    nn::require(count >= 0 && count <= pipeline::most_parts(config), "rank ", rank, " announced ",
                count, " parts of the model");
    all.push_back({rank, static_cast<int>(count), nothing_of(config, stage)});
    longest = std::max(longest, all.back().count);
  }
  to_all([&](int other) { mailbox.send_number(other, turns, longest); });
  for (int number = 1; number <= longest; ++number) {
    for (Incoming& incoming : all)
      if (number <= incoming.count) {
        const pipeline::Message part =
            mailbox.receive(incoming.rank, turn(number), waiting_for(incoming.rank));
        folder.append(incoming.file,
                      {reinterpret_cast<const char*>(part.bytes.data()), part.bytes.size()});
      }
    to_all([&](int other) { mailbox.send_text(other, turn(number), ""); });
  }
  std::vector<nn::SavedFile> files;
  for (const Incoming& incoming : all) {
    const std::string line =
        mailbox.receive(incoming.rank, shard, waiting_for(incoming.rank)).text();
    files.push_back(nn::parse_saved_file(line));
    nn::require(files.back().name == incoming.file.name, "rank ", incoming.rank, " saved ",
                files.back().name, " instead of ", incoming.file.name);
    if (incoming.count == 0) continue;
    nn::require(line == to_text(incoming.file), "the shard of rank ", incoming.rank, " arrived as ",
                to_text(incoming.file), ", not ", line);
    folder.finish(incoming.file);
  }
  return files;
}

}  // namespace

void save_model(const RankOptions& options, pipeline::Stage& stage, const data::Text& text,
                Mailbox& mailbox, const nn::Metadata& state) {
  const TrainingConfig& config = options.config;
  const std::filesystem::path path = options.out / "checkpoint";
  nn::FolderReplacement folder = nn::model_replacement(path);
  const std::vector<nn::real> head = whole_head(config, stage, mailbox);
  const nn::SafetensorsContent content = nn::shard_content(stage.model(), head);
  if (options.rank != 0) return save_shard(config, mailbox, folder, content);

  show_folder(mailbox, folder);
  const nn::SavedFile own =
      folder.write(nn::shard_name(0, config.topology.stages), content.parts());
  std::vector<nn::SavedFile> files = gather_shards(config, mailbox, folder);
  files.push_back(own);
  if (!text.tokenizer_json.empty())
    files.push_back(folder.write("tokenizer.json", data::tokenizer_json_text(text.tokenizer_json)));
  std::vector<std::vector<int>> cut(config.topology.stages);
  for (int s = 0; s < config.topology.stages; ++s)
    for (const auto& chunk : pipeline::blocks_of(config, s))
      cut[s].insert(cut[s].end(), chunk.begin(), chunk.end());
  nn::Metadata origin = pipeline::origin_of(config);
  for (const auto& [name, value] : state) origin[name] = value;
  nn::complete_model(folder, config.model, cut, files, origin);
  std::cout << "model: " << path.string() << std::endl;
}

}  // namespace training
