#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace nn {

// The content of a file, one part after the other: numbers are written from where they lie.
using FileParts = std::span<const std::string_view>;

// What is done to a disk to keep files safe, operation by operation, so that tests can put one in
// its place that fails, fills up or loses power. All throw std::system_error.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual void create_folder(const std::filesystem::path& folder) = 0;  // or leaves it as it is
  virtual void write(const std::filesystem::path& file, FileParts content) = 0;  // replaces it
  virtual void append(const std::filesystem::path& file, std::string_view content) = 0;
  // After a loss of power there is what was synced: of a file its content, of a folder its names.
  virtual void sync(const std::filesystem::path& file_or_folder) = 0;
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  // Swaps two existing names in one folder atomically.
  virtual void exchange(const std::filesystem::path& a, const std::filesystem::path& b) = 0;
  virtual void remove(const std::filesystem::path& file_or_empty_folder) = 0;  // if it is there
};

// Who may read a new file, before the umask is applied.
enum class Readers : unsigned { everyone = 0666, owner = 0600 };

// The real one. With Readers::owner, write() removes any file of that name and creates a new one
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

// exchange() for file systems that can only rename. For a moment nothing is at b; after a loss of
// power at that moment, what was there is at temporary_beside(b).
void exchange_by_renames(Storage& storage, const std::filesystem::path& a,
                         const std::filesystem::path& b);

// A hidden name next to the file that no other process uses.
std::filesystem::path temporary_beside(const std::filesystem::path& file);

// Replaces the file in one step: a reader finds the old one or the new one, both whole, even after
// a loss of power. Its folder must exist. Throws std::system_error. Then the old one is still
// there, with one exception: if the last operation failed, the sync of the folder, the new one is
// in its place, but a loss of power may bring the old one back.
void replace_file(Storage& storage, const std::filesystem::path& file, FileParts content);

}  // namespace nn
