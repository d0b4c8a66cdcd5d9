#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Who may take part in a run.
namespace pipeline {

// What a rank needs to know the others and be known by them: CurveZMQ (ZeroMQ RFC 26), keys as 40
// characters of Z85.
struct Keys {
  std::string secret;                    // of this rank
  std::vector<std::string> public_keys;  // of every rank
};

// rank-R.secret, which only its owner can read, and rank-R.public of each rank. A machine needs all
// public files and the secret ones of its own ranks. Throws nn::InputError if the folder has keys.
void make_keys(const std::filesystem::path& folder, int ranks);

// Throws nn::InputError if a file is missing or no key, if others may read the secret one or change
// the public ones, or if two ranks have the same.
Keys read_keys(const std::filesystem::path& folder, int rank, int ranks);

// Throws nn::InputError unless messages for these addresses stay within this process (inproc), this
// machine (tcp to 127.x.y.z) or what only this user can reach (ipc in a private folder).
void require_local(const std::vector<std::string>& addresses);

}  // namespace pipeline
