#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "data/text/text.h"

// From the options --text, --tokenizer and --init to a text and its tokens.
namespace training {

// Unless a tokenizer was asked for, takes the one that the model of `init` was trained with, or
// else the one that data/fetch.sh brings under this name for the kind of model.
void choose_vocabulary(data::TextOptions& options, const std::filesystem::path& init,
                       std::string_view vocabulary);

// What data/fetch.sh should bring, separated by spaces, if it is not there yet.
std::string datasets_of(const data::TextOptions& options, std::string_view vocabulary);

}  // namespace training
