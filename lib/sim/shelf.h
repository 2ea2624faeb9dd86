// Every module that was made in this world, with its bytes: the files of those who publish.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "content/manifest.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::sim {

struct Module {
  std::string name, version;
  std::vector<std::pair<std::string, Buffer>> artifacts;  // platform, plain bytes
  std::string loader = "native";
  content::Limits limits;
  std::optional<Digest> lie{};  // what the manifest calls the artifacts, instead of their digests
};

class Shelf {
 public:
  struct Book {
    Digest digest;
    Buffer bytes;  // the manifest, encoded
    content::Manifest manifest;
    std::vector<Buffer> artifacts;  // plain, in the manifest's order
  };

  const Book& add(const Module& module);
  const std::map<Digest, Book>& books() const { return books_; }  // by manifest

 private:
  std::map<Digest, Book> books_;
};

}  // namespace pinnate::sim
