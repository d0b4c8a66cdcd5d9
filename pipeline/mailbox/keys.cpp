#include "pipeline/mailbox/keys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <set>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/mailbox/trusted_path.h"

namespace pipeline {

namespace {

using std::filesystem::path, std::filesystem::perms;

constexpr std::size_t key_length = 40;
using Z85 = std::array<char, key_length + 1>;

path secret_file(const path& folder, int rank) {
  return folder / nn::concat("rank-", rank, ".secret");
}
path public_file(const path& folder, int rank) {
  return folder / nn::concat("rank-", rank, ".public");
}

void require_curve() {
  if (!zmq_has("curve"))
    throw nn::InputError("keys need CURVE, and this ZeroMQ was built without it",
                         "install a libzmq that was built with libsodium");
}

void write_new_file(const path& file, const std::string& text, mode_t mode) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool is_written =
      descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == std::ssize(text);
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_written)
    throw nn::InputError(nn::concat("cannot write ", file.string(), ": ", std::strerror(reason)),
                         "choose a new folder: keys are never overwritten");
}

std::string read_key(const path& file) {
  std::string key = nn::read_file(file);
  while (key.ends_with('\n')) key.pop_back();
  if (!is_key(key))
    throw nn::InputError(file.string() + " is not a key",
                         "make new ones: pipeline_worker --make-keys FOLDER");
  return key;
}

bool is_loopback(const std::string& host_and_port) {
  const std::string host = host_and_port.substr(0, host_and_port.rfind(':'));
  if (host == "[::1]") return true;
  in_addr figures;
  return ::inet_pton(AF_INET, host.c_str(), &figures) == 1 && ntohl(figures.s_addr) >> 24 == 127;
}

}  // namespace

bool is_key(const std::string& text) {
  std::array<std::uint8_t, 32> bytes;
  return text.size() == key_length && zmq_z85_decode(bytes.data(), text.c_str());
}

KeyPair new_key_pair() {
  require_curve();
  Z85 public_key, secret;
  nn::require(zmq_curve_keypair(public_key.data(), secret.data()) == 0,
              "cannot make keys: ", zmq_strerror(zmq_errno()));
  return {public_key.data(), secret.data()};
}

void make_keys(const path& folder, int ranks) {
  require_curve();
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, perms::owner_all, error);
  for (int rank = 0; rank < ranks; ++rank) {
    const KeyPair keys = new_key_pair();
    write_new_file(secret_file(folder, rank), keys.secret + '\n', 0600);
    write_new_file(public_file(folder, rank), keys.public_key + '\n', 0644);
  }
}

Keys read_keys(const path& given, int rank, int ranks) {
  require_curve();
  const path folder = trusted(given);
  Keys keys{read_key(trusted_private(secret_file(folder, rank))), {}};
  for (int other = 0; other < ranks; ++other)
    keys.public_keys.push_back(read_key(trusted(public_file(folder, other))));
  Z85 derived;
  if (zmq_curve_public(derived.data(), keys.secret.c_str()) != 0 ||
      keys.public_keys[rank] != derived.data())
    throw nn::InputError(
        nn::concat(secret_file(folder, rank).string(), " does not belong to its public key"),
        "copy the keys of one --make-keys to all machines");
  if (std::set(keys.public_keys.begin(), keys.public_keys.end()).size() != keys.public_keys.size())
    throw nn::InputError(folder.string() + " has the same public key for two ranks",
                         "make new ones: pipeline_worker --make-keys FOLDER");
  return keys;
}

void require_local(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    const std::size_t slashes = std::min(address.find("://"), address.size());
    const std::string transport = address.substr(0, slashes);
    const std::string place = address.substr(std::min(slashes + 3, address.size()));
    if (transport == "inproc" || (transport == "tcp" && is_loopback(place))) continue;
    const path folder = path(place).parent_path();
    if (transport != "ipc")
      throw nn::InputError(nn::concat("anyone on the network can reach ", address),
                           "make keys, pipeline_worker --make-keys FOLDER --stages S --pipelines P,"
                           " and start every rank with --keys FOLDER");
    try {
      trusted_private(folder);
    } catch (const nn::InputError& error) {
      throw nn::InputError(
          nn::concat(address, " is not in a private folder of this user: ", error.what()),
          "make one: mkdir -m 700 FOLDER");
    }
  }
}

}  // namespace pipeline
