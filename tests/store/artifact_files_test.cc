#include "store/artifact_files.h"

#include "base/random.h"
#include "folder.h"
#include "noise.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <filesystem>

#include <fcntl.h>

using namespace pinnate;
using namespace pinnate::store;

namespace {

ArtifactFiles open(const TestFolder& folder) {
  auto files = ArtifactFiles::open(folder.path);
  REQUIRE_MESSAGE(files.ok(), files.status().message());
  return std::move(*files);
}

std::string path_in(const TestFolder& folder) { return folder.path + "/" + kArtifact.hex(); }

std::string chunk(std::uint32_t index) { return "chunk number " + std::to_string(index) + std::string(index * 7, '.'); }

// A folder with four chunks; the bytes of its file.
std::string filled(const TestFolder& folder) {
  ArtifactFiles files = open(folder);
  for (std::uint32_t i = 0; i < 4; i++) REQUIRE(files.write(kArtifact, i, chunk(i)).ok());
  REQUIRE(files.sync(kArtifact).ok());
  return bytes_of(path_in(folder));
}

// Every chunk that is said to be held can be read, and is the one that was written. Returns how
// many there are.
std::size_t held_and_true(ArtifactFiles& files) {
  const auto held = files.held();
  if (!held.contains(kArtifact)) return 0;
  for (const auto& [index, length] : held.at(kArtifact)) {
    const auto read = files.read(kArtifact, index);
    REQUIRE(read.ok());
    REQUIRE(read->view() == chunk(index));
    REQUIRE(read->size() == length);
  }
  return held.at(kArtifact).size();
}

}  // namespace

TEST_CASE("an artifact file cut anywhere keeps the chunks before the cut, and takes new ones") {
  TestFolder folder;
  const std::string whole = filled(folder);
  for (std::size_t length = 0; length <= whole.size(); length++) {
    put_bytes(path_in(folder), whole.substr(0, length));
    std::size_t before = 0;
    for (std::size_t i = 0, end = kFileHeaderBytes; i < 4; i++) before += (end += 16 + chunk(i).size()) <= length;
    {
      ArtifactFiles files = open(folder);
      REQUIRE(held_and_true(files) == before);
      REQUIRE(files.write(kArtifact, 9, chunk(9)).ok());
    }
    ArtifactFiles files = open(folder);
    REQUIRE(held_and_true(files) == before + 1);
  }
}

TEST_CASE("a damaged byte loses no chunk but the one that it is in, and a damaged beginning of the file none") {
  TestFolder folder;
  const std::string whole = filled(folder);
  for (std::size_t at = 0; at < whole.size(); at++)
    for (int bit : {0, 7}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      put_bytes(path_in(folder), damaged);
      ArtifactFiles files = open(folder);
      REQUIRE(held_and_true(files) == (at < kFileHeaderBytes ? 4 : 3));
    }
}

TEST_CASE("a file of a newer version is refused in words, and left as it is") {
  TestFolder folder;
  FrameFormat newer = kArtifactFormat;
  newer.version = 2;
  std::string bytes = filled(folder).replace(0, kFileHeaderBytes, encode_file_header(newer)) + "more";
  put_bytes(path_in(folder), bytes);
  const auto files = ArtifactFiles::open(folder.path);
  CHECK(files.status().code() == PINNATE_INCOMPATIBLE);
  CHECK(files.status().message().find("'" + path_in(folder) + "' is of version 2, and this is for version 1") !=
        std::string::npos);
  CHECK(bytes_of(path_in(folder)) == bytes);
}

TEST_CASE("zeroes and noise between records are passed over") {
  TestFolder folder;
  const std::string whole = filled(folder);
  const std::size_t first = kFileHeaderBytes + kFrameHeaderBytes + chunk(0).size();
  for (const std::string& gap :
       {std::string(5, '\0'), std::string(100000, '\0'), noise(300000), std::string("PNC1PNC1")}) {
    put_bytes(path_in(folder), whole.substr(0, first) + gap + whole.substr(first) + gap);
    ArtifactFiles files = open(folder);
    CHECK(held_and_true(files) == 4);
    CHECK(bytes_of(path_in(folder)).size() == whole.size() + gap.size());  // only what follows the last is cut
  }
}

TEST_CASE("a file without an intact chunk is removed, and files that are not ours stay") {
  TestFolder folder;
  put_bytes(path_in(folder), "nothing of ours");
  put_bytes(path_in(folder) + ".new", "left behind");
  put_bytes(folder.path + "/lost+found", "x");
  CHECK(open(folder).empty());
  CHECK_FALSE(std::filesystem::exists(path_in(folder)));
  CHECK_FALSE(std::filesystem::exists(path_in(folder) + ".new"));
  CHECK(std::filesystem::exists(folder.path + "/lost+found"));
}

TEST_CASE("bytes that are damaged or cut off while a file is in use are found at reading") {
  TestFolder folder;
  std::string bytes = filled(folder);
  ArtifactFiles files = open(folder);
  bytes[32] = static_cast<char>(bytes[32] + 1);
  put_bytes(path_in(folder), bytes.substr(0, bytes.size() - 1));
  const auto damaged = files.read(kArtifact, 0);
  CHECK(damaged.status().code() == PINNATE_CORRUPT);
  CHECK(damaged.status().message().find("chunk 0 of artifact " + kArtifact.hex()) != std::string::npos);
  CHECK(files.read(kArtifact, 1).ok());
  CHECK(files.read(kArtifact, 3).status().code() == PINNATE_CORRUPT);
  CHECK(files.write(kArtifact, 0, chunk(0)).ok());
  CHECK(files.read(kArtifact, 0)->view() == chunk(0));
}

TEST_CASE("a file that somebody removed is not found") {
  TestFolder folder;
  filled(folder);
  ArtifactFiles files = open(folder);
  std::filesystem::remove(path_in(folder));
  CHECK(files.read(kArtifact, 0).status().code() == PINNATE_NOT_FOUND);
}

TEST_CASE("two hundred artifacts take at most 16 open files") {
  TestFolder folder;
  const int status = run_in_child([&] {
    auto files = ArtifactFiles::open(folder.path);
    if (!files.ok()) return 1;
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 0;
    for (int fd = 0; fd < 256; fd++)
      if (fcntl(fd, F_GETFD) != -1) limit.rlim_cur = static_cast<rlim_t>(fd) + 1;
    limit.rlim_cur += 18;  // one for the folder while it is synced, one for a file on its way in
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
    for (int round = 0; round < 2; round++)
      for (int i = 0; i < 200; i++)
        if (!files->write(content::sha256(std::to_string(i)), static_cast<std::uint32_t>(round), "x").ok()) return 3;
    for (int i = 0; i < 200; i++) {
      const Digest artifact = content::sha256(std::to_string(i));
      if (!files->sync(artifact).ok() || !files->read(artifact, 0).ok() || !files->read(artifact, 1).ok()) return 4;
    }
    return 0;
  });
  CHECK(status == 0);
}

TEST_CASE("a chunk that the disk has no space for leaves all others, and no piece of itself") {
  TestFolder folder;
  const int status = run_in_child([&] {
    auto files = ArtifactFiles::open(folder.path);
    if (!files.ok() || !files->write(kArtifact, 0, chunk(0)).ok()) return 1;
    const std::size_t before = bytes_of(path_in(folder)).size();
    fill_disk_beyond(before + 20);
    const Status full = files->write(kArtifact, 1, chunk(1));
    if (full.code() != PINNATE_NO_SPACE) return 2;
    if (full.message().find("cannot write '" + path_in(folder)) == std::string::npos) return 3;
    if (bytes_of(path_in(folder)).size() != before) return 4;
    if (files->read(kArtifact, 0)->view() != chunk(0)) return 5;
    if (files->read(kArtifact, 1).status().code() != PINNATE_NOT_FOUND) return 6;
    fill_disk_beyond(10);
    if (files->write(content::sha256("another"), 0, chunk(0)).code() != PINNATE_NO_SPACE) return 7;
    if (std::filesystem::exists(folder.path + "/" + content::sha256("another").hex())) return 8;
    empty_disk();
    if (!files->write(kArtifact, 2, chunk(2)).ok()) return 9;
    return 0;
  });
  CHECK(status == 0);
  ArtifactFiles files = open(folder);
  CHECK(held_and_true(files) == 2);
}
