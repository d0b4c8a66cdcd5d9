// JSON of any kind: accepted text must come back the same when written and read again.

#include "nn/base/json.h"

#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string quoted = nn::json_quote(text);
  fuzz::expect(std::ranges::none_of(quoted, fuzz::is_control), "a quoted text is one line");
  fuzz::try_to([&] {
    const nlohmann::json object = nn::parse_json_object(text, "file", "hint");
    fuzz::expect(nn::parse_json_object(object.dump(), "file", "hint") == object,
                 "JSON survives writing and reading");
  });
  return 0;
}
