// Plays the strangers that attack the ranks of a run. Ranks listen at 127.0.0.1, one port each.
//   stranger attack FIRST_PORT RANKS RUN [KEYS]   one of everything to each rank; RUN is not secret
//   stranger crowd FIRST_PORT RANKS COUNT SECONDS   COUNT silent connections to each rank
//   stranger relay PORT TO BYTES                  passes a rank's connections on, and sends the
//                                                 first BYTES again on a connection of its own
//   stranger insider FIRST_PORT RANKS RUN KEYS    connects with the last rank's key before it does,
//                                                 and floods rank 0 once there is a file KEYS/go

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "nn/base/error.h"
#include "nn/real.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/keys.h"

namespace {

using namespace std::string_literals;
using pipeline::Header, pipeline::Tag;

sockaddr_in at(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A connection without ZeroMQ.
class Wire {
 public:
  explicit Wire(int descriptor) : descriptor_(descriptor) {}
  static Wire to(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = at(port);
    nn::require(
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
        "nothing listens at port ", port);
    return Wire(descriptor);
  }
  Wire(Wire&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Wire() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(sent);
    }
    return true;
  }
  std::string receive() const {  // empty once the other side has closed
    std::string bytes(1 << 16, '\0');
    bytes.resize(std::max<ssize_t>(0, ::recv(descriptor_, bytes.data(), bytes.size(), 0)));
    return bytes;
  }
  void close_both_ways() const { ::shutdown(descriptor_, SHUT_RDWR); }

 private:
  int descriptor_;
};

void pause(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// A connection attempt, which may fail.
int begin_to_connect(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const sockaddr_in address = at(port);
  nn::require(descriptor >= 0, "no more descriptors");
  // NOLINTNEXTLINE(bugprone-unused-return-value)
  (void)::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return descriptor;
}

// The beginning of ZMTP 3.0 (ZeroMQ RFC 23).
std::string greeting(std::string mechanism) {
  mechanism.resize(20);
  return "\xff"s + std::string(8, '\0') + "\x7f\x03"s + '\0' + mechanism + std::string(32, '\0');
}

std::vector<std::string> garbage() {
  std::mt19937_64 random(1);
  std::string noise(1 << 16, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  const std::string ready = "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH"s;
  const std::string huge = "\x02\x3f\xff\xff\xff\xff\xff\xff\xff"s;  // 2^62 bytes are to come
  return {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          noise,
          std::string(1 << 16, '\0'),
          std::string(1 << 16, '\xff'),
          huge + noise,
          greeting("NULL") + noise,
          greeting("CURVE") + noise,
          greeting("NULL") + ready + huge + noise,
          greeting("CURVE") + ready + huge + noise,
          greeting("PLAIN") + ready};
}

// ZeroMQ's own client, with or without keys.
class Client {
 public:
  Client(zmq::context_t& context, int port, const std::string& secret = "",
         const std::string& server_key = "")
      : socket_(context, zmq::socket_type::push) {
    socket_.set(zmq::sockopt::linger, 0);
    if (!secret.empty()) {
      char own[41];
      nn::require(zmq_curve_public(own, secret.c_str()) == 0, "no key");
      socket_.set(zmq::sockopt::curve_publickey, std::string(own));
      socket_.set(zmq::sockopt::curve_secretkey, secret);
      socket_.set(zmq::sockopt::curve_serverkey, server_key);
    }
    socket_.connect(nn::concat("tcp://127.0.0.1:", port));
  }

  void send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      socket_.send(zmq::buffer(frames[i]),
                   i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
  void send_header(const Header& header) {
    send({std::string(reinterpret_cast<const char*>(&header), sizeof header),
          std::string(header.bytes, 'x')});
  }
  // A message that `from` might send, but must not.
  void send_forged(int from, std::uint64_t run, std::uint64_t sequence) {
    send_header({.kind = Tag::failure,
                 .real_bytes = sizeof(nn::real),
                 .run = run,
                 .sequence = sequence,
                 .bytes = 8,
                 .from = from});
  }
  void send_malformed() {
    send({"hello"s});
    send({""s, ""s});
    send({std::string(48, '\xff'), "payload"s});
    send({std::string(48, '\0'), ""s, ""s, ""s});
    send_header({.kind = Tag::Kind(99)});
    send_header({.from = -1});
    send_header({.from = 1 << 30});
  }

 private:
  zmq::socket_t socket_;
};

void attack(int first_port, int ranks, std::uint64_t run, const std::string& folder) {
  const bool has_keys = !folder.empty();
  std::vector<Wire> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(Wire::to(first_port + i % ranks));
  for (int rank = 0; rank < ranks; ++rank)
    for (const std::string& bytes : garbage()) {
      const Wire wire = Wire::to(first_port + rank);
      wire.send(bytes);
      pause(5);
    }
  zmq::context_t context;
  std::vector<Client> clients;
  const auto key_of = [&](int rank) {
    return has_keys ? pipeline::read_keys(folder, rank, ranks) : pipeline::Keys();
  };
  clients.reserve(4 * ranks * ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    const int port = first_port + rank;
    const std::string server_key = has_keys ? key_of(rank).public_keys[rank] : "";
    Client& without = clients.emplace_back(context, port);
    without.send_malformed();
    for (int from = 0; from < ranks; ++from) without.send_forged(from, run + 1, 0);
    if (!has_keys) continue;
    for (int from = 0; from < ranks; ++from) without.send_forged(from, run, 0);
    char own_public[41], own_secret[41];
    zmq_curve_keypair(own_public, own_secret);
    clients.emplace_back(context, port, own_secret, server_key).send_malformed();
    for (int other = 0; other < ranks; ++other) {
      if (other == rank) continue;
      Client& insider = clients.emplace_back(context, port, key_of(other).secret, server_key);
      insider.send_malformed();
      insider.send_forged(other, run + 1, 0);
      for (int name = 0; name < ranks; ++name)
        if (name != other) insider.send_forged(name, run, 1'000'000);
    }
  }
  pause(500);
}

// Many silent connections; some may be refused.
void crowd(int first_port, int ranks, int count, int seconds) {
  std::vector<Wire> silent;
  for (int i = 0; i < count * ranks; ++i) {
    silent.push_back(Wire(begin_to_connect(first_port + i % ranks)));
    if (i % 100 == 99) pause(10);
  }
  pause(1000 * seconds);
}

// Sends the same bytes, slowly at first: ZeroMQ's greetings take turns.
void repeat(const std::vector<std::string>& said, int port) {
  const Wire wire = Wire::to(port);
  for (std::size_t i = 0; i < said.size(); ++i) {
    wire.send(said[i]);
    if (i < 5) pause(50);
  }
  pause(200);
}

// Passes everything on in both directions, keeps what the client sends and, if there is enough,
// repeats it. Returns whether it did.
bool pass_on(const Wire& client, int to, std::size_t bytes) {
  const Wire server = Wire::to(to);
  std::thread back([&] {
    for (std::string said = server.receive(); client.send(said) && !said.empty();)
      said = server.receive();
    client.close_both_ways();
  });
  std::vector<std::string> kept;
  std::size_t size = 0;
  bool was_repeated = false;
  for (std::string said = client.receive(); server.send(said) && !said.empty();
       said = client.receive()) {
    if (was_repeated) continue;
    size += said.size();
    kept.push_back(said);
    if (size < bytes) continue;
    was_repeated = true;
    repeat(kept, to);
  }
  server.close_both_ways();
  back.join();
  return was_repeated;
}

// Relays both connections of a rank, one for messages and one for its pulse.
void relay(int port, int to, std::size_t bytes) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = at(port);
  nn::require(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  ::listen(listener, 2) == 0,
              "cannot listen at port ", port);
  std::atomic<bool> was_repeated = false;
  const auto serve = [&] {
    if (pass_on(Wire(::accept(listener, nullptr, nullptr)), to, bytes)) was_repeated = true;
  };
  std::thread other(serve);
  serve();
  other.join();
  ::close(listener);
  nn::require(was_repeated, "fewer than ", bytes, " bytes came through");
}

// Messages that the last rank never sends to rank 0, of the largest size allowed; some are larger.
void flood(Client& client, int from, std::uint64_t run, int turn) {
  Header header{.real_bytes = sizeof(nn::real), .run = run, .from = from};
  header.sequence = 1'000'000 + turn;  // the rank's own are not disturbed
  header.step = 1'000'000 + turn;
  for (int kind = 0; kind <= Tag::failure; ++kind)
    for (const std::uint64_t bytes : {8, 250'000}) {
      header.kind = Tag::Kind(kind);
      if (header.kind == Tag::beat) continue;
      header.bytes = bytes;
      header.item = turn;
      client.send_header(header);
    }
  header.kind = Tag::gradient;
  header.step = turn;  // a step of the run, with a size of none
  client.send_header(header);
  client.send_header(header);
}

void insider(int first_port, int ranks, std::uint64_t run, const std::string& folder) {
  const int last = ranks - 1;
  const pipeline::Keys keys = pipeline::read_keys(folder, last, ranks);
  zmq::context_t context;
  const auto come_in = [&] {
    return std::make_unique<Client>(context, first_port, keys.secret, keys.public_keys[0]);
  };
  const auto inside = come_in(), cut_off = come_in();
  for (Client* client : {inside.get(), cut_off.get()}) {
    client->send_malformed();
    client->send_forged(last, run + 1, 0);
    for (int name = 0; name < last; ++name) client->send_forged(name, run, 1'000'000);
  }
  while (!std::filesystem::exists(folder + "/go")) pause(50);
  cut_off->send_header({.real_bytes = sizeof(nn::real),
                        .run = run,
                        .bytes = 4'000'000,
                        .from = last,
                        .step = 1'000'000});
  std::vector<std::unique_ptr<Client>> more;
  for (int i = 0; i < 50; ++i) more.push_back(come_in());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  int turn = 0;
  for (; std::chrono::steady_clock::now() < end; ++turn) flood(*inside, last, run, turn);
  std::cout << "sent " << turn << " floods of 8 MB\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() >= 4 && words[0] == "attack")
      attack(std::stoi(words[1]), std::stoi(words[2]), std::stoull(words[3]),
             words.size() > 4 ? words[4] : "");
    else if (words.size() == 5 && words[0] == "crowd")
      crowd(std::stoi(words[1]), std::stoi(words[2]), std::stoi(words[3]), std::stoi(words[4]));
    else if (words.size() == 4 && words[0] == "relay")
      relay(std::stoi(words[1]), std::stoi(words[2]), std::stoul(words[3]));
    else if (words.size() == 5 && words[0] == "insider")
      insider(std::stoi(words[1]), std::stoi(words[2]), std::stoull(words[3]), words[4]);
    else
      throw nn::Error("usage: stranger attack ... | crowd ... | relay ... | insider ...");
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
