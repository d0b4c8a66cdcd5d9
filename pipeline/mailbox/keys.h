#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Who may take part in a run.
namespace pipeline {

// The keys that identify ranks to each other: CurveZMQ (ZeroMQ RFC 26), 40 characters of Z85 each.
struct Keys {
  std::string secret;                    // of this rank
  std::vector<std::string> public_keys;  // of every rank; empty where there is no link
};

struct KeyPair {
  std::string public_key, secret;
};
KeyPair new_key_pair();
bool is_key(const std::string& text);  // in form

// Writes rank-R.secret, readable by its owner alone, and rank-R.public for each rank. A machine
// needs all public files and the secret ones of its own ranks. Throws nn::InputError if the folder
// already has keys.
void make_keys(const std::filesystem::path& folder, int ranks);

// Throws nn::InputError if a file is missing or not a key, if other users can read the secret key
// or change any file, or if two ranks have the same key.
Keys read_keys(const std::filesystem::path& folder, int rank, int ranks);

// Throws nn::InputError unless these addresses stay within this process (inproc), this machine (tcp
// to 127.x.y.z) or this user's reach (ipc in a private folder).
void require_local(const std::vector<std::string>& addresses);

}  // namespace pipeline
