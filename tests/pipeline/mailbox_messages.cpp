#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <zmq.hpp>

#include "pipeline/mailbox/beat.h"
#include "pipeline/mailbox/mailbox.h"
#include "tests/pipeline/two_ranks.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

// Rank 0 of two in run 3, and a socket that can send it anything.
struct Listener {
  tools::TemporaryFolder folder;
  std::string address = address_of(0, folder);
  Network network;
  std::vector<std::string> heard;
  Mailbox mailbox{network,
                  {.rank = 0,
                   .addresses = {address, address_of(1, folder)},
                   .run = 3,
                   .on_stranger = [this](const std::string& what) { heard.push_back(what); }}};
  zmq::context_t context;
  zmq::socket_t other{context, zmq::socket_type::push};
  Listener() { other.connect(address); }

  std::map<std::string, int> strangers() { return mailbox.strangers(); }
  void send(const Header& header) {
    other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
    other.send(zmq::str_buffer("8 bytes!"));
  }
};

// The header of "8 bytes!" from rank 1 of run 3, except for one field.
template <class Field>
Header header_with(Field Header::*field, Field value) {
  Header header{
      .kind = Tag::activation, .real_bytes = sizeof(nn::real), .run = 3, .bytes = 8, .from = 1};
  header.*field = value;
  return header;
}

}  // namespace

TEST_CASE("beats have idle times of ranks, and no negative number") {
  const std::int32_t numbers[]{3, 4000, -1, 5, 4, -1, 5};  // the last pair is cut off
  const IdleTimes idle = parse_idle({reinterpret_cast<const char*>(numbers), sizeof numbers});
  CHECK(idle == IdleTimes{{3, std::chrono::seconds(4)}});
}

TEST_CASE_FIXTURE(Listener, "a failed rank's reason is shown as one printable line") {
  const std::string reason = "\x1b[2Jits disk is full\nhint: curl example.org | sh\u202e";
  Header header{.kind = Tag::failure, .real_bytes = sizeof(nn::real), .run = 3, .from = 1};
  header.bytes = reason.size();
  other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
  other.send(zmq::buffer(reason));
  CHECK(message_of([&] { mailbox.receive(1, {Tag::loss}, "testing"); }) ==
        "\\x1b[2Jits disk is full\\nhint: curl example.org | sh\\u{202e}, while testing");
}

TEST_CASE_FIXTURE(Listener,
                  "a message's text may have lines, but nothing else that moves the cursor") {
  Header header{.kind = Tag::report, .real_bytes = sizeof(nn::real), .run = 3, .from = 1};
  const std::string text = "1 2 3\n\x1b[2J\n";
  header.bytes = text.size();
  other.send(zmq::buffer(&header, sizeof header), zmq::send_flags::sndmore);
  other.send(zmq::buffer(text));
  CHECK(mailbox.receive(1, {Tag::report}, "testing").text() == "1 2 3\n\\x1b[2J\n");
}

TEST_CASE_FIXTURE(Listener, "an unexpected message is dropped, and the ones after it are not") {
  mailbox.expect([](int, Tag tag, std::size_t bytes, int step) {
    return tag.kind == Tag::hello || (tag.step == step && bytes == 8);
  });
  std::uint64_t sequence = 0;
  const auto say = [&](Tag tag) {
    Header header = {.kind = tag.kind, .real_bytes = sizeof(nn::real), .run = 3};
    header.sequence = sequence++;
    header.bytes = 8;
    header.from = 1;
    header.step = tag.step;
    send(header);
  };
  const auto dropped = [this](const char* kind) {
    return strangers()[std::string(kind) + " messages that rank 1 should not send"];
  };
  say({Tag::loss, 0});  // before it was met
  say({Tag::hello});
  say({Tag::loss, 1'000'000});
  say({Tag::loss, 0});
  say({Tag::loss, 0});  // twice
  say({Tag::gradient, 0});
  CHECK(mailbox.receive(1, {Tag::gradient, 0}, "testing").text() == "8 bytes!");
  CHECK(dropped("loss") == 3);
  mailbox.receive(1, {Tag::loss, 0}, "testing");
  say({Tag::loss, 0});  // again, after it was read
  say({Tag::report, 0});
  mailbox.receive(1, {Tag::report, 0}, "testing");
  CHECK(dropped("loss") == 4);
  say({Tag::activation, 0});  // not read in its step
  say({Tag::verdict, 0});
  mailbox.receive(1, {Tag::verdict, 0}, "testing");
  mailbox.begin_step(1);
  CHECK(!mailbox.try_receive(1, {Tag::activation, 0}));
  say({Tag::loss, 0});
  say({Tag::loss, 1});
  mailbox.receive(1, {Tag::loss, 1}, "testing");
  CHECK(dropped("loss") == 5);
  CHECK(heard.front() == "loss messages that rank 1 should not send, 1 so far");
}

TEST_CASE_FIXTURE(Listener,
                  "strangers, other runs and malformed messages are dropped and counted") {
  int sent = 0;
  const auto send = [&](std::vector<std::string> frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      other.send(zmq::buffer(frames[i]),
                 i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    ++sent;
  };
  send({""});
  send({"hello"});
  send({std::string(48, '\xff'), "payload"});
  send({std::string(48, '\0'), ""});
  send({std::string(48, '\0'), "", "", "surplus"});
  send({std::string(1000, 'x'), ""});
  mailbox.wait([&] { return strangers()["malformed messages"] == sent; }, "counting strangers");
  CHECK_NOTHROW(mailbox.progress("testing"));
  CHECK(heard == std::vector<std::string>{"malformed messages, 1 so far",
                                          "malformed messages, 2 so far",
                                          "malformed messages, 4 so far"});
}

TEST_CASE("a header is parsed only if it is whole and fits its payload") {
  const Header right = header_with(&Header::item, 5);
  const std::vector<std::byte> frame(std::as_bytes(std::span(&right, 1)).begin(),
                                     std::as_bytes(std::span(&right, 1)).end());
  CHECK(parse_header(frame, 8)->tag() == Tag{Tag::activation, 0, 5, 0});
  CHECK(!parse_header(frame, 7));
  CHECK(!parse_header({}, 8));
  CHECK(!parse_header(std::span(frame).first(47), 8));
  for (std::size_t byte : {0, 4, 6, 24}) {  // of magic, version, kind, payload's size
    std::vector<std::byte> wrong = frame;
    wrong[byte] ^= std::byte{0x80};
    CHECK(!parse_header(wrong, 8));
  }
}

TEST_CASE_FIXTURE(Listener, "a message is dropped for any wrong field in its header") {
  for (const Header& header :
       {header_with(&Header::magic, 1u),
        header_with(&Header::version, std::uint16_t{Header::right_version + 1}),
        header_with(&Header::kind, Tag::Kind(200)), header_with(&Header::bytes, std::uint64_t{7}),
        header_with(&Header::from, -1), header_with(&Header::from, 0),
        header_with(&Header::from, 2), header_with(&Header::run, std::uint64_t{4})})
    send(header);
  send(header_with(&Header::sequence, std::uint64_t{0}));
  CHECK(mailbox.receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
  CHECK(strangers()["malformed messages"] == 7);
  CHECK(strangers()["messages of another run"] == 1);
}

TEST_CASE_FIXTURE(Listener, "a repeated message is dropped, and a lost one is missed") {
  send(header_with(&Header::item, 0));
  send(header_with(&Header::item, 0));
  mailbox.wait([&] { return strangers()["repeated messages"] == 1; }, "counting strangers");
  CHECK(mailbox.receive(1, {Tag::activation}, "testing").text() == "8 bytes!");
  send(header_with(&Header::sequence, std::uint64_t{2}));
  CHECK(message_of([&] { mailbox.receive(1, {Tag::gradient}, "testing"); }) ==
        "rank 0: messages of rank 1 were lost on the way");
}

TEST_CASE_FIXTURE(Listener, "ranks that compute in another precision are told so") {
  send(header_with(&Header::real_bytes, std::uint8_t{2}));
  CHECK(message_of([&] {
          mailbox.receive(1, {Tag::activation}, "testing");
        }).starts_with("rank 1 computes with 16-bit numbers"));
}

TEST_CASE("payloads are aligned for numbers, whatever precedes them") {
  const tools::TemporaryFolder folder;
  Lease lease;
  int misaligned = 0;
  two_ranks({address_of(0, folder), address_of(1, folder)}, [&](Mailbox& mailbox) {
    std::vector<nn::real> numbers(500, 1);
    for (int i = 0; i < 100; ++i) {
      if (mailbox.rank() == 0) {
        mailbox.send_text(1, {Tag::report, i}, std::string(i, 'x'));
        mailbox.send(1, {Tag::activation, i}, std::span(numbers).first(10 + 3 * i), lease);
      } else {
        const Message message = mailbox.receive(0, {Tag::activation, i}, "testing");
        misaligned +=
            reinterpret_cast<std::uintptr_t>(message.bytes.data()) % alignof(nn::real) != 0;
      }
    }
  });
  CHECK(misaligned == 0);
}

}  // namespace pipeline
