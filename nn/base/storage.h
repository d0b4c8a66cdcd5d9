#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace nn {

// The content of a file in consecutive parts, so that numbers are written without a copy.
using FileParts = std::span<const std::string_view>;

// The disk operations that keep files safe. Tests substitute a disk that fails, fills up or loses
// power. All throw std::system_error.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual void create_folder(const std::filesystem::path& folder) = 0;           // if missing
  virtual void write(const std::filesystem::path& file, FileParts content) = 0;  // replaces it
  virtual void append(const std::filesystem::path& file, std::string_view content) = 0;
  // Makes the content of a file, or the names in a folder, survive a power loss.
  virtual void sync(const std::filesystem::path& file_or_folder) = 0;
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  // Swaps two existing names in one folder atomically.
  virtual void exchange(const std::filesystem::path& a, const std::filesystem::path& b) = 0;
  virtual void remove(const std::filesystem::path& file_or_empty_folder) = 0;  // if it exists
};

// Who may read a new file, before the umask is applied.
enum class Readers : unsigned { everyone = 0666, owner = 0600 };

// The real disk. With Readers::owner, write() removes any file of that name and creates a new one
// that only the owner can read from the start.
class Disk : public Storage {
 public:
  explicit Disk(Readers readers = Readers::everyone) : readers_(readers) {}

  void create_folder(const std::filesystem::path& folder) override;
  void write(const std::filesystem::path& file, FileParts content) override;
  void append(const std::filesystem::path& file, std::string_view content) override;
  void sync(const std::filesystem::path& file_or_folder) override;
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  void exchange(const std::filesystem::path& a, const std::filesystem::path& b) override;
  void remove(const std::filesystem::path& file_or_empty_folder) override;

 private:
  Readers readers_;
};

// exchange() for file systems that can only rename. For a moment b does not exist; after a power
// loss at that moment, its old content is at temporary_beside(b).
void exchange_by_renames(Storage& storage, const std::filesystem::path& a,
                         const std::filesystem::path& b);

// A hidden name next to the file that no other process uses.
std::filesystem::path temporary_beside(const std::filesystem::path& file);

// Replaces the file atomically: even after a power loss, readers find the complete old file or the
// complete new one. Its folder must exist. Throws std::system_error and then leaves the old file,
// with one exception: if the last operation fails, the sync of the folder, the new file is in
// place, but a power loss may bring the old one back.
void replace_file(Storage& storage, const std::filesystem::path& file, FileParts content);

// The same for content that does not fit into memory: `write` makes the file under another name.
void replace_file(Storage& storage, const std::filesystem::path& file,
                  const std::function<void(const std::filesystem::path& temporary)>& write);

}  // namespace nn
