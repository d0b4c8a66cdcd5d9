#include "nn/files/manifest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <ios>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/json.h"
#include "nn/base/number.h"
#include "nn/base/storage.h"

namespace nn {

namespace fs = std::filesystem;

namespace {

constexpr int manifest_version = 2;
constexpr const char* manifest_hint =
    "use another copy of the folder; if you changed a file on purpose, remove manifest.txt";

std::uint32_t checksum(std::string_view text, std::uint32_t before = 0) {
  return crc32c(std::as_bytes(std::span(text)), before);
}

std::string hexadecimal(std::uint32_t number) {
  std::ostringstream text;
  text << std::hex << std::setw(8) << std::setfill('0') << number;
  return text.str();
}

// The text before and after the first space.
std::pair<std::string, std::string> split(const std::string& text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  return {text.substr(0, space), text.substr(std::min(space + 1, text.size()))};
}

bool is_word(std::string_view text) {
  return !text.empty() &&
         std::ranges::none_of(text, [](unsigned char byte) { return byte <= ' ' || byte == 0x7f; });
}

bool is_line(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char byte) { return byte < ' ' || byte == 0x7f; });
}

// A file in the manifest's own folder that is not hidden.
bool is_file_name(const std::string& name) {
  return is_word(name) && fs::path(name).filename() == name && !name.starts_with('.');
}

void add(Manifest& manifest, const std::string& line) {
  const auto [kind, rest] = split(line);
  if (kind == "step") {
    const auto step = parse_number<int>(rest);
    require(step && *step >= 0 && !manifest.step, "its step ", json_quote(rest), " is invalid");
    manifest.step = step;
  } else if (kind == "state") {
    const auto [key, value] = split(rest);
    require(is_word(key) && is_line(value) && manifest.state.emplace(key, value).second,
            "its line ", json_quote(line), " is invalid or a duplicate");
  } else {
    require(kind == "file", "its line ", json_quote(line), " is of an unknown kind");
    const SavedFile& file = manifest.files.emplace_back(parse_saved_file(rest));
    require(std::ranges::count(manifest.files, file.name, &SavedFile::name) == 1, "it names ",
            file.name, " twice");
  }
}

SavedFile file_on_disk(const fs::path& path, std::uint64_t bytes) {
  std::error_code error;
  const bool is_there = fs::exists(path, error);
  require(is_there, "it is missing");
  require(fs::is_regular_file(path, error), "it is not a file");
  const std::uintmax_t size = fs::file_size(path, error);
  require(!error && size == bytes, "it has ", size, " bytes instead of ", bytes);
  std::ifstream file(path, std::ios::binary);
  require(file.is_open(), "it cannot be read");
  SavedFile found{path.filename().string(), 0, 0};
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0)
    found = extended(found, {buffer, static_cast<std::size_t>(file.gcount())});
  return found;
}

std::string read_manifest_text(const fs::path& path) {
  constexpr std::uintmax_t largest = 10'000'000;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);  // fails for a pipe
  if (error || size > largest)
    throw InputError(concat("cannot read ", path.string(), ": ",
                            error ? error.message() : "it is too large for a manifest"),
                     manifest_hint);
  return read_file(path);
}

}  // namespace

std::string to_text(const SavedFile& file) {
  return concat(file.name, ' ', file.bytes, ' ', hexadecimal(file.checksum));
}

SavedFile parse_saved_file(const std::string& line) {
  const auto [name, numbers] = split(line);
  const auto [bytes_text, checksum_text] = split(numbers);
  const auto bytes = parse_number<std::uint64_t>(bytes_text);
  const auto checksum = parse_number<std::uint32_t>(checksum_text, 16);
  require(is_file_name(name) && bytes && checksum, json_quote(line),
          " is not a file name, length and checksum");
  return {name, *bytes, *checksum};
}

Manifest parse_manifest(const std::string& text, const std::string& name) {
  Manifest manifest;
  int version = 1;
  try {
    const std::size_t end = std::min(text.rfind("checksum "), text.size());
    require(text.substr(end) ==
                "checksum " + hexadecimal(checksum(std::string_view(text).substr(0, end))) + '\n',
            "its checksum is wrong");
    std::istringstream lines(text.substr(0, end));
    bool is_first = true;
    for (std::string line; std::getline(lines, line); is_first = false) {
      const auto [kind, rest] = split(line);
      if (!is_first || kind != "manifest") {
        add(manifest, line);
        continue;
      }
      const auto number = parse_number<int>(rest);
      require(number && *number > 1, "its version ", json_quote(rest), " is invalid");
      version = *number;
      if (version > manifest_version) break;
    }
    require(version > manifest_version || !manifest.files.empty(), "it names no file");
  } catch (const Error& error) {
    throw InputError(concat(name, " is damaged: ", error.what()), manifest_hint);
  }
  if (version > manifest_version)
    throw InputError(concat(name, " has version ", version,
                            ", but this program reads versions up to ", manifest_version),
                     "use the program that wrote it, or a newer one");
  return manifest;
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / manifest_name;
  Manifest manifest = parse_manifest(read_manifest_text(path), path.string());
  for (const SavedFile& file : manifest.files) verify(folder, file);
  return manifest;
}

void verify(const fs::path& folder, const SavedFile& file) {
  try {
    const SavedFile found = file_on_disk(folder / file.name, file.bytes);
    require(found.bytes == file.bytes && found.checksum == file.checksum, "its checksum is wrong");
  } catch (const Error& error) {
    throw InputError(concat((folder / file.name).string(), " is damaged: ", error.what()),
                     manifest_hint);
  }
}

SavedFile save_file(Storage& storage, const fs::path& folder, const std::string& name,
                    FileParts content) {
  storage.create_folder(folder);
  // From here on, the remains of an abandoned run are incomplete.
  storage.remove(folder / manifest_name);
  replace_file(storage, folder / name, content);
  SavedFile file{name, 0, 0};
  for (std::string_view part : content) file = extended(file, part);
  return file;
}

void save_manifest(Storage& storage, const fs::path& folder, Manifest manifest) {
  std::string text = concat("manifest ", manifest_version, '\n');
  if (manifest.step) text += concat("step ", *manifest.step, '\n');
  for (const auto& [key, value] : manifest.state) {
    require(is_word(key) && is_line(value), "manifest: ", json_quote(key),
            " is not a word, or its value is not a line");
    text += concat("state ", key, ' ', value, '\n');
  }
  std::ranges::sort(manifest.files, {}, &SavedFile::name);
  for (const SavedFile& file : manifest.files) text += "file " + to_text(file) + '\n';
  text += "checksum " + hexadecimal(checksum(text)) + '\n';
  parse_manifest(text, "manifest");  // never write what cannot be read back
  const std::string_view content = text;
  replace_file(storage, folder / manifest_name, {&content, 1});
}

SavedFile extended(SavedFile before, std::string_view content) {
  before.bytes += content.size();
  before.checksum = checksum(content, before.checksum);
  return before;
}

int whole_number(const Metadata& facts, const std::string& name) {
  const auto found = facts.find(name);
  require(found != facts.end(), "there is no ", name);
  const auto number = parse_number<int>(found->second);
  require(number && *number >= 0, name, ' ', json_quote(found->second), " is not a whole number");
  return *number;
}

}  // namespace nn
