#include "store/record_files.h"

#include "folder.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"
#include "store/journal.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <filesystem>

using namespace pinnate;
using namespace pinnate::store;

namespace {

using Records = std::map<std::string, Buffer>;

struct RecordFolder : TestFolder {
  RecordFolder() { std::filesystem::create_directory(records()); }
  std::string records() const { return path + "/records"; }
  std::string journal() const { return path + "/journal"; }
  RecordFiles open() const {
    auto files = RecordFiles::open(path, records());
    REQUIRE_MESSAGE(files.ok(), files.status().message());
    return std::move(*files);
  }
};

}  // namespace

TEST_CASE("a journal that was written before a crash is carried out at the next open") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("keep", "old"), put("change", "old"), put("remove", "old")}).ok());
  CHECK_FALSE(std::filesystem::exists(folder.journal()));
  put_bytes(folder.journal(),
            encode_journal({{"change", Buffer("new")}, {"remove", std::nullopt}, {"add/one", Buffer("new")}}));
  const Records expected = {{"keep", Buffer("old")}, {"change", Buffer("new")}, {"add/one", Buffer("new")}};
  CHECK(*folder.open().load() == expected);
  CHECK_FALSE(std::filesystem::exists(folder.journal()));
  CHECK(*folder.open().load() == expected);
}

TEST_CASE("a journal that was not finished before a crash never was") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("a", "old")}).ok());
  put_bytes(folder.journal() + ".new", encode_journal({{"a", Buffer("new")}, {"b", Buffer("new")}}));
  put_bytes(folder.records() + "/b.record.new", "half a rec");
  CHECK(*folder.open().load() == Records{{"a", Buffer("old")}});
  CHECK_FALSE(std::filesystem::exists(folder.journal() + ".new"));
  CHECK_FALSE(std::filesystem::exists(folder.records() + "/b.record.new"));
}

TEST_CASE("a journal of which any byte is damaged is refused in words") {
  RecordFolder folder;
  const std::string whole = encode_journal({{"a", Buffer("1")}, {"b", std::nullopt}, {"c/d", Buffer("")}});
  REQUIRE(decode_journal(whole).ok());
  for (std::size_t at = 0; at < whole.size(); at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    CHECK(decode_journal(damaged).status().code() == PINNATE_CORRUPT);
    CHECK(decode_journal(whole.substr(0, at)).status().code() == PINNATE_CORRUPT);
  }
  put_bytes(folder.journal(), whole.substr(1));
  const auto files = RecordFiles::open(folder.path, folder.records());
  CHECK(files.status().code() == PINNATE_CORRUPT);
  CHECK(files.status().message().find(folder.journal()) != std::string::npos);
}

TEST_CASE("a record of which any byte is damaged, or that stands under another name, is refused in words") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("release/7", "seven")}).ok());
  const std::string path = folder.records() + "/release%7.record", whole = bytes_of(path);
  for (std::size_t at = 0; at < whole.size(); at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    for (const std::string& bytes : {damaged, whole.substr(0, at)}) {
      put_bytes(path, bytes);
      const auto records = folder.open().load();
      CHECK(records.status().code() == PINNATE_CORRUPT);
      CHECK(records.status().message().find(path) != std::string::npos);
    }
  }
  put_bytes(path, whole);
  std::filesystem::rename(path, folder.records() + "/release%8.record");
  CHECK(folder.open().load().status().code() == PINNATE_CORRUPT);
}

TEST_CASE(
    "where all can be had again, damaged records and a damaged journal are removed and named, and all others stay") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("a", "1")}).ok());
  REQUIRE(folder.open().commit({put("b", "2")}).ok());
  const std::string path = folder.records() + "/a.record";
  put_bytes(path, "not what was written");
  put_bytes(folder.journal(), "nor this");
  auto files = RecordFiles::open(folder.path, folder.records(), "");
  REQUIRE(files.ok());
  CHECK(*files->load() == Records{{"b", Buffer("2")}});
  const auto notes = files->take_notes();
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].find(folder.journal()) != std::string::npos);
  CHECK(notes[1].find(path) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(folder.journal()));
}

TEST_CASE("records that can be had again are given up where damage is refused for all others") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("have/a", "1"), put("have/b", "2"), put("only", "3")}).ok());
  put_bytes(folder.records() + "/have%a.record", "not what was written");
  const auto open = [&] { return RecordFiles::open(folder.path, folder.records(), "have/"); };
  auto files = open();
  REQUIRE(files.ok());
  CHECK(*files->load() == Records{{"have/b", Buffer("2")}, {"only", Buffer("3")}});
  CHECK(files->take_notes().size() == 1);
  put_bytes(folder.records() + "/only.record", "nor this");
  files = open();
  REQUIRE(files.ok());
  CHECK(files->load().status().code() == PINNATE_CORRUPT);
}

TEST_CASE("what a journal holds counts while its files cannot be written, and is not overtaken") {
  RecordFolder folder;
  {
    RecordFiles files = folder.open();
    REQUIRE(files.commit({put("a", "old")}).ok());
    std::filesystem::create_directory(folder.records() + "/b.record.new");  // nothing can be written there
    CHECK(files.commit({put("a", "new"), put("b", "new")}).ok());
    CHECK(*files.load() == Records{{"a", Buffer("new")}, {"b", Buffer("new")}});
    CHECK(files.commit({put("a", "newer")}).code() == PINNATE_IO);
  }
  // The next life finds it, too.
  std::filesystem::create_directory(folder.records() + "/b.record.new/x");
  {
    RecordFiles files = folder.open();
    CHECK(*files.load() == Records{{"a", Buffer("new")}, {"b", Buffer("new")}});
    std::filesystem::remove_all(folder.records() + "/b.record.new");
    CHECK(files.commit({put("a", "newer")}).ok());
  }
  CHECK(*folder.open().load() == Records{{"a", Buffer("newer")}, {"b", Buffer("new")}});
  CHECK_FALSE(std::filesystem::exists(folder.journal()));
}

TEST_CASE("a commit that the disk has no space for changes nothing") {
  RecordFolder folder;
  REQUIRE(folder.open().commit({put("a", "old"), put("b", "old")}).ok());
  const int status = run_in_child([&] {
    auto files = RecordFiles::open(folder.path, folder.records());
    if (!files.ok()) return 1;
    fill_disk_beyond(1000);
    if (files->commit({put("a", std::string(2000, 'x'))}).code() != PINNATE_NO_SPACE) return 2;
    if (files->commit({put("a", std::string(800, 'x')), put("b", std::string(800, 'x'))}).code() != PINNATE_NO_SPACE)
      return 3;
    if (!files->commit({put("c", "fits")}).ok()) return 4;
    empty_disk();
    if (!files->commit({put("d", std::string(2000, 'x')), put("e", "fits")}).ok()) return 5;
    return 0;
  });
  CHECK(status == 0);
  CHECK(*folder.open().load() == Records{{"a", Buffer("old")},
                                         {"b", Buffer("old")},
                                         {"c", Buffer("fits")},
                                         {"d", Buffer(std::string(2000, 'x'))},
                                         {"e", Buffer("fits")}});
}
