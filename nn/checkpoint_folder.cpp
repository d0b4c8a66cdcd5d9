#include "nn/checkpoint_folder.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <system_error>

#include "nn/checksum.h"
#include "nn/error.h"
#include "nn/file.h"
#include "nn/json.h"

namespace nn {

namespace fs = std::filesystem;

namespace {

constexpr const char* manifest_name = "manifest.txt";
constexpr std::string_view folder_prefix = "step-";

// Throws InputError for what a disk refuses.
template <class Action>
void on_disk(const fs::path& path, Action action) {
  try {
    action();
  } catch (const std::system_error& error) {
    throw_cannot_write(path, error.code().message());
  }
}

// A folder that is not there has nothing; one that cannot be read may have a run's only copy.
void require_readable(const fs::path& folder, std::error_code error) {
  if (error && error != std::errc::no_such_file_or_directory)
    throw InputError(concat("cannot read ", folder.string(), ": ", error.message()),
                     "check the folder of the checkpoints and who may read it");
}

std::uint32_t checksum(std::string_view text, std::uint32_t before = 0) {
  return crc32c(std::as_bytes(std::span(text)), before);
}

std::string hexadecimal(std::uint32_t number) {
  std::ostringstream text;
  text << std::hex << std::setw(8) << std::setfill('0') << number;
  return text.str();
}

std::optional<int> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  int step = 0;
  if (!name.starts_with(folder_prefix)) return {};
  const char *first = name.data() + folder_prefix.size(), *last = name.data() + name.size();
  const auto [end, error] = std::from_chars(first, last, step);
  if (error != std::errc() || end != last || step < 0) return {};
  return step;
}

CheckpointFolder::File file_on_disk(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.is_open(), "it is missing");
  CheckpointFolder::File found{path.filename().string(), 0, 0};
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0) {
    const std::string_view part(buffer, static_cast<std::size_t>(file.gcount()));
    found.bytes += part.size();
    found.checksum = checksum(part, found.checksum);
  }
  return found;
}

}  // namespace

std::string to_text(const CheckpointFolder::File& file) {
  return concat(file.name, ' ', file.bytes, ' ', hexadecimal(file.checksum));
}

CheckpointFolder::File parse_checkpoint_file(const std::string& line) {
  std::istringstream text(line);
  CheckpointFolder::File file{};
  text >> file.name >> file.bytes >> std::hex >> file.checksum;
  require(!text.fail() && (text >> std::ws).eof() && fs::path(file.name).filename() == file.name &&
              !file.name.starts_with('.') && file.name.find('\0') == file.name.npos,
          json_quote(line), " is no file with its length and checksum");
  return file;
}

CheckpointFolder::Manifest parse_manifest(const std::string& text, int step) {
  const std::size_t end = std::min(text.rfind("checksum "), text.size());
  require(text.substr(end) ==
              "checksum " + hexadecimal(checksum(std::string_view(text).substr(0, end))) + '\n',
          "its checksum is wrong");
  CheckpointFolder::Manifest manifest;
  std::istringstream lines(text.substr(0, end));
  for (std::string kind, rest; lines >> kind && std::getline(lines >> std::ws, rest);) {
    if (kind == "file") manifest.files.push_back(parse_checkpoint_file(rest));
    if (kind == "state")
      manifest.state[rest.substr(0, rest.find(' '))] = rest.substr(rest.find(' ') + 1);
    require(kind != "step" || rest == std::to_string(step), "it is of step ", json_quote(rest));
  }
  return manifest;
}

CheckpointFolder::CheckpointFolder(fs::path folder, std::shared_ptr<Storage> storage)
    : folder_(std::move(folder)), storage_(std::move(storage)) {}

fs::path CheckpointFolder::path_of(int step) const { return folder_ / concat(folder_prefix, step); }

CheckpointFolder::File CheckpointFolder::write(int step, const std::string& name,
                                               FileParts content) {
  const fs::path folder = path_of(step);
  on_disk(folder / name, [&] {
    storage_->create_folder(folder);
    // What an abandoned run may have left is no checkpoint from here on.
    storage_->remove(folder / manifest_name);
    replace_file(*storage_, folder / name, content);
  });
  File file{name, 0, 0};
  for (std::string_view part : content) {
    file.bytes += part.size();
    file.checksum = checksum(part, file.checksum);
  }
  return file;
}

CheckpointFolder::File CheckpointFolder::write(int step, const std::string& name,
                                               std::string_view content) {
  return write(step, name, FileParts(&content, 1));
}

void CheckpointFolder::complete(int step, std::vector<File> files, const Metadata& state) {
  std::string text = concat("step ", step, '\n');
  for (const auto& [key, value] : state) {
    require(!key.empty() && (key + value).find('\n') == key.npos && key.find(' ') == key.npos,
            "checkpoint: ", key, " is no word, or its value no line");
    text += concat("state ", key, ' ', value, '\n');
  }
  std::ranges::sort(files, {}, &File::name);
  for (const File& file : files) text += "file " + to_text(file) + '\n';
  text += "checksum " + hexadecimal(checksum(text)) + '\n';
  const std::string_view content = text;

  const fs::path folder = path_of(step), manifest = folder / manifest_name;
  on_disk(manifest, [&] {
    storage_->sync(folder_);
    storage_->sync(fs::absolute(folder_).lexically_normal().parent_path());
    replace_file(*storage_, manifest, {&content, 1});
  });
  for (int other : steps())
    if (other != step && other != previous_) remove(other);
  previous_ = step;
  // Processes that were killed while they wrote this step may have left files behind.
  files.push_back({manifest_name, 0, 0});
  on_disk(folder, [&] { clear(step, files); });
}

// The manifest goes first: what is half removed is no checkpoint.
void CheckpointFolder::remove(int step) {
  on_disk(path_of(step), [&] {
    storage_->remove(path_of(step) / manifest_name);
    clear(step, {});
    storage_->remove(path_of(step));
  });
}

void CheckpointFolder::clear(int step, const std::vector<File>& kept) {
  std::vector<fs::path> surplus;
  for (const auto& entry : fs::directory_iterator(path_of(step)))
    if (std::ranges::find(kept, entry.path().filename().string(), &File::name) == kept.end())
      surplus.push_back(entry.path());
  for (const fs::path& path : surplus) storage_->remove(path);
}

std::vector<int> CheckpointFolder::steps() const {
  std::vector<int> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (const auto step = step_of(entry.path())) steps.push_back(*step);
  require_readable(folder_, error);
  std::ranges::sort(steps);
  return steps;
}

CheckpointFolder::Saved CheckpointFolder::read(int step) const {
  Saved saved{{}, step, path_of(step)};
  std::string at = manifest_name;
  try {
    static_cast<Manifest&>(saved) = parse_manifest(read_file(saved.folder / manifest_name), step);
    for (const File& file : saved.files) {
      at = file.name;
      const File found = file_on_disk(saved.folder / file.name);
      require(found.bytes == file.bytes, "it has ", found.bytes, " bytes instead of ", file.bytes);
      require(found.checksum == file.checksum, "its checksum is wrong");
    }
  } catch (const Error& error) {
    throw InputError(concat((saved.folder / at).string(), " is damaged: ", error.what()),
                     "remove the folder if nothing can be done about it");
  }
  return saved;
}

bool CheckpointFolder::is_complete(int step) const {
  std::error_code error;
  const bool has_manifest = fs::exists(path_of(step) / manifest_name, error);
  require_readable(path_of(step), error);
  return has_manifest;
}

bool CheckpointFolder::is_empty() const {
  return std::ranges::none_of(steps(), [this](int step) { return is_complete(step); });
}

std::optional<CheckpointFolder::Saved> CheckpointFolder::newest(
    const std::function<void(const std::string&)>& report) {
  if (is_empty()) return std::nullopt;
  std::vector<int> all = steps();
  std::ranges::reverse(all);
  for (int step : all) {
    if (!is_complete(step)) continue;
    try {
      const Saved saved = read(step);
      previous_ = step;
      return saved;
    } catch (const InputError& damage) {
      report(damage.what());
    }
  }
  throw InputError("no checkpoint in " + folder_.string() + " is whole",
                   "bring back its files from elsewhere, or start anew in another folder");
}

}  // namespace nn
