// A folder that is there for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

struct TestFolder {
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pinnate-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) abort();
    path = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  std::string path;
};
