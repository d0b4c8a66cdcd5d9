// A play: an accepted one has roles that speak, and their characters can be learned.

#include "data/text/roles.h"

#include "data/text/plays.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_to([&] {
    const std::vector<data::Role> roles = data::parse_roles(fuzz::text_of(data, size), "play.txt");
    fuzz::expect(!roles.empty(), "there is a role");
    data::CharacterWindows windows(5);
    std::vector<std::string_view> names;
    for (const data::Role& role : roles) {
      fuzz::expect(!role.name.empty() && role.text.ends_with('\n'), "a role has a name and lines");
      fuzz::expect(std::ranges::count(names, role.name) == 0, "a role is there once");
      names.push_back(role.name);
      windows.add(role.text, 0);
    }
    std::vector<int> all(windows.size()), labels(5 * all.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    std::vector<nn::real> inputs(labels.size());
    windows.copy_batch(all, inputs.data(), labels);
    for (const int label : labels)
      fuzz::expect(label >= 0 && label < windows.class_count(), "a character has an id");
  });
  return 0;
}
