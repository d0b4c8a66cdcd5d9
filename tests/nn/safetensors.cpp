#include "nn/files/safetensors.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "nn/base/file.h"
#include "nn/files/checkpoint.h"
#include "tests/complaint.h"
#include "tests/nn/numbers.h"
#include "tests/temporary_file.h"

namespace {

using nn::Checkpoint, nn::InputError, nn::real, nn::Shape;
using tests::numbers;

std::string bytes_of(const auto& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A file of the header's length in eight bytes, this header and this data.
std::string file_of(const std::string& header, const std::string& data) {
  return bytes_of(std::uint64_t{header.size()}) + header + data;
}

Checkpoint read(const std::string& content) { return nn::read_safetensors(TemporaryFile(content)); }

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

// The reader's complaint about a file with this header and `data` zeros after it.
std::string complaint(const std::string& header, int data = 8) {
  const std::string message = complaint_of([&] { read(file_of(header, std::string(data, '\0'))); });
  const std::size_t name = message.find(": ");
  return name == message.npos ? message : message.substr(name + 2);
}

TEST_CASE("an empty model and a number without dimensions can be saved") {
  nn::Parameters parameters;
  const TemporaryFile file;
  nn::write_safetensors(file, parameters);
  CHECK(nn::read_safetensors(file).tensors.empty());
  parameters.add("number", {});
  parameters.add("nothing", {3, 0});
  parameters.values()[0] = real(1.5);
  nn::write_safetensors(file, parameters);
  const Checkpoint checkpoint = nn::read_safetensors(file);
  CHECK(numbers(checkpoint.tensors.at("number")) == std::vector{real(1.5)});
  CHECK(checkpoint.tensors.at("nothing").shape() == Shape{3, 0});
}

TEST_CASE("numbers of every width are converted to ours") {
  const auto values = [](const std::string& dtype, const auto& stored) {
    const std::string data = bytes_of(stored);
    const Checkpoint checkpoint =
        read(file_of(R"({"x":)" +
                         entry(dtype, "[" + std::to_string(stored.size()) + "]",
                               "[0," + std::to_string(data.size()) + "]") +
                         "}",
                     data));
    return numbers(checkpoint.tensors.at("x"));
  };
  const real infinity = std::numeric_limits<real>::infinity();
  CHECK(values("F32", std::array{1.5f, -2.f, 1e-40f}) ==
        std::vector<real>{1.5, -2, static_cast<real>(1e-40f)});
  CHECK(values("F64", std::array{1.5, -0.1}) == std::vector<real>{1.5, static_cast<real>(-0.1)});

  const auto half =
      values("F16", std::array<std::uint16_t, 9>{0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400,
                                                 0x7c00, 0x8000, 0x7e00});
  CHECK(std::vector<real>(half.begin(), half.end() - 2) ==
        std::vector<real>{1, -2, 65504, real(0x1p-24), real(0x3ffp-24), real(0x1p-14), infinity});
  CHECK((half[7] == 0 && std::signbit(half[7])));
  CHECK(std::isnan(half[8]));

  const auto brain =
      values("BF16", std::array<std::uint16_t, 5>{0x3f80, 0xc040, 0xff80, 0x0001, 0x7fc0});
  CHECK(std::vector<real>(brain.begin(), brain.end() - 1) ==
        std::vector<real>{1, -3, -infinity, std::bit_cast<float>(0x10000u)});
  CHECK(std::isnan(brain[4]));
}

TEST_CASE("tensors may be named in any order as long as they fill the data") {
  const Checkpoint checkpoint = read(file_of(
      R"({"b":)" + entry("F32", "[1]", "[0,4]") + R"(,"a":)" + entry("F32", "[1]", "[4,8]") + "}  ",
      bytes_of(std::array{1.f, 2.f})));
  CHECK(checkpoint.tensors.at("b")[0] == 1);
  CHECK(checkpoint.tensors.at("a")[0] == 2);
}

TEST_CASE("a broken header is refused with its reason") {
  const auto x = [](const std::string& entry) { return R"({"x":)" + entry + "}"; };
  const std::string good = entry("F32", "[2]", "[0,8]");
  REQUIRE(complaint(x(good)) == "nothing");

  struct {
    std::string header;
    std::string words;  // some of the complaint
  } const table[] = {
      {"", "does not start with {"},
      {" " + x(good), "does not start with {"},
      {"[1, 2]", "does not start with {"},
      {"{", "not JSON"},
      {x(good) + "x", "not JSON"},
      {x(good) + std::string(3, '\0'), "not JSON"},
      {"{\"\xff\":" + good + "}", "not JSON"},
      {"{}", "8 bytes of data belong to no tensor"},
      {R"({"x":)" + good + R"(,"x":)" + good + "}", "names a key twice"},
      {R"({"x":)" + good + R"(,"\u0078":)" + good + "}", "names a key twice"},
      {x(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "a key twice"},
      {x(std::string(10, '[') + std::string(10, ']')), "nested too deeply"},
      {x("3"), "does not have exactly dtype, shape and data_offsets"},
      {x("{}"), "does not have exactly"},
      {x(R"({"dtype":"F32","shape":[2]})"), "does not have exactly"},
      {x(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1})"), "does not have exactly"},
      {x(entry("I64", "[1]", "[0,8]")), "I64"},
      {x(entry("f32", "[2]", "[0,8]")), "f32"},
      {x(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})"), "F32, F64, F16 or BF16"},
      {x(entry("F32", "[1,1,1,1,2]", "[0,8]")), "more than 4 dimensions"},
      {x(entry("F32", "2", "[0,8]")), "dimensions"},
      {x(entry("F32", "[2.0]", "[0,8]")), "not of numbers"},
      {x(entry("F32", "[-2]", "[0,8]")), "not of numbers"},
      {x(entry("F32", "[\"2\"]", "[0,8]")), "not of numbers"},
      {x(entry("F32", "[2]", "[0]")), "data_offsets"},
      {x(entry("F32", "[2]", "[0,4,8]")), "data_offsets"},
      {x(entry("F32", "[2]", "8")), "data_offsets"},
      {x(entry("F32", "[2]", "[0,8.0]")), "data_offsets"},
      {x(entry("F32", "[2]", "[-8,0]")), "data_offsets"},
      {x(entry("F32", "[2]", "[8,0]")), "lies outside the data"},
      {x(entry("F32", "[2]", "[0,9]")), "lies outside the data"},
      {x(entry("F32", "[2]", "[18446744073709551608,18446744073709551615]")), "outside the data"},
      {x(entry("F32", "[2]", "[0,18446744073709551616]")), "data_offsets"},
      {x(entry("F32", "[1]", "[0,8]")), "has 8 bytes, its shape needs 4"},
      {x(entry("F64", "[2]", "[0,8]")), "has 8 bytes, its shape needs 16"},
      {x(entry("F32", "[4611686018427387906]", "[0,8]")), "larger than the file"},
      {x(entry("F32", "[9223372036854775808,2]", "[0,8]")), "larger than the file"},
      {x(entry("F32", "[1]", "[4,8]")), "a gap or an overlap at byte 0"},
      {x(entry("F32", "[1]", "[0,4]")), "4 bytes of data belong to no tensor"},
      {R"({"x":)" + good + R"(,"y":)" + good + "}", "a gap or an overlap"},
      {R"({"x":)" + good + R"(,"y":)" + entry("F32", "[1]", "[4,8]") + "}", "a gap or an overlap"},
      {R"({"__metadata__":3,"x":)" + good + "}", "__metadata__ is not an object"},
      {R"({"__metadata__":{"a":1},"x":)" + good + "}", R"(the metadata "a" is not a string)"},
      {R"({"\n\u001b":3})", R"(tensor "\n\u001b" does not have exactly)"},
  };
  for (const auto& row : table) {
    CAPTURE(row.header);
    const std::string message = complaint(row.header);
    CAPTURE(message);
    CHECK(message.find(row.words) != std::string::npos);
  }
}

TEST_CASE("a product of extents that does not fit 64 bits is refused") {
  const std::string shape = "[65536,65536,65536,65536]";  // 2^64: as 64 bits it would be 0
  const std::string header = R"({"x":)" + entry("F32", shape, "[0,65536]") + "}";
  CHECK(complaint(header, 65536).find("larger than the file") != std::string::npos);
  const std::string empty = R"({"x":)" + entry("F32", shape, "[0,0]") + "}";
  CHECK(complaint(empty, 65536).find("larger than the file") != std::string::npos);
}

TEST_CASE("a header that claims to be longer than the file is refused") {
  for (std::uint64_t size : {std::uint64_t{1}, std::uint64_t{100'000'001}, std::uint64_t{1} << 60,
                             ~std::uint64_t{0}, ~std::uint64_t{7}})
    CHECK_THROWS_AS(read(bytes_of(size)), InputError);
  CHECK_THROWS_AS(read(""), InputError);
  CHECK_THROWS_AS(read("{}"), InputError);
}

TEST_CASE("a missing file or a folder is refused") {
  CHECK_THROWS_AS(nn::read_safetensors("tests/golden/there-is-none"), InputError);
  CHECK_THROWS_AS(nn::read_safetensors("tests/golden"), InputError);
}

TEST_CASE("endless brackets do not exhaust the stack") {
  const int depth = 100'000;
  const std::string open(depth, '['), closed(depth, ']');
  std::string objects, ends(depth, '}');
  for (int i = 0; i < depth; ++i) objects += R"({"a":)";
  const std::string nested[] = {open + closed, objects + "1" + ends, open, objects};
  for (const std::string& deep : nested) {
    CHECK(complaint("{\"x\":" + deep + "}") != "nothing");
    CHECK(complaint("{\"__metadata__\":" + deep + "}", 0) != "nothing");
    CHECK(complaint("{\"__metadata__\":{\"a\":" + deep + "}}", 0) != "nothing");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      std::string header = "{\"x\":" + entry("F32", "[2]", "[0,8]") + "}";
      const std::size_t begin = header.find(':', header.find(key)) + 1;
      const std::size_t end = header.find_first_of(",}", header.find_first_of("]\"", begin + 1));
      header.replace(begin, end - begin, deep);
      CHECK(complaint(header) != "nothing");
    }
  }
}

TEST_CASE("a file cut short anywhere is refused") {
  const std::string whole = nn::read_file("tests/golden/mlp.safetensors");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(read(whole.substr(0, size)), InputError);
  }
  CHECK_THROWS_AS(read(whole + '\0'), InputError);
}

}  // namespace
