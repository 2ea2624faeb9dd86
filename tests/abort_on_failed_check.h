// A failed PINNATE_CHECK ends the program that includes this, with its words.
#pragma once

#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace {

[[maybe_unused]] const bool checks_end_this_program = [] {
  pinnate::on_failed_check = [](const char* words, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: a check failed: %s\n", file, line, words);
    std::abort();
  };
  return true;
}();

}  // namespace
