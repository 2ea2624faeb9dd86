#include "store/record_log.h"

#include "folder.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <filesystem>

using namespace pinnate;
using namespace pinnate::store;

namespace {

using Records = std::map<std::string, Buffer>;

struct LogFolder : TestFolder {
  std::string log() const { return path + "/records.log"; }
  std::size_t size() const { return std::filesystem::file_size(log()); }
  RecordLog open(bool expendable = false) const {
    auto log = RecordLog::open(path, true, expendable);
    REQUIRE_MESSAGE(log.ok(), log.status().message());
    return std::move(*log);
  }
  // What a new life finds.
  Records records(bool expendable = false) const {
    auto records = open(expendable).load(nullptr);
    REQUIRE_MESSAGE(records.ok(), records.status().message());
    return std::move(*records);
  }
};

// What was there after each of some commits: [i] after the first i of them.
struct History {
  std::vector<Records> states;
  std::vector<std::size_t> sizes;
};

History filled_log(const LogFolder& folder) {
  const std::vector<std::vector<RecordWrite>> commits = {{put("a", "1"), put("b/c", "2")},
                                                         {put("a", "")},
                                                         {{"b/c", std::nullopt}, put("d", std::string(60, 'd'))},
                                                         {put("e", "last")}};
  RecordLog log = folder.open();
  History history{{{}}, {folder.size()}};
  for (const auto& commit : commits) {
    REQUIRE(log.commit(commit).ok());
    history.states.push_back(folder.records());
    history.sizes.push_back(folder.size());
  }
  REQUIRE(history.states.back() ==
          Records{{"a", Buffer("")}, {"d", Buffer(std::string(60, 'd'))}, {"e", Buffer("last")}});
  return history;
}

}  // namespace

TEST_CASE("a log cut anywhere holds the commits before the cut, says so, and takes new ones") {
  LogFolder folder;
  const History history = filled_log(folder);
  const std::string whole = bytes_of(folder.log());
  for (std::size_t length = history.sizes[0]; length <= whole.size(); length++) {
    put_bytes(folder.log(), whole.substr(0, length));
    std::size_t before = 0;
    while (before + 1 < history.sizes.size() && history.sizes[before + 1] <= length) before++;
    std::vector<std::string> notes;
    RecordLog log = folder.open();
    REQUIRE(*log.load(&notes) == history.states[before]);
    const std::size_t cut = length - history.sizes[before];
    REQUIRE(notes.size() == (cut > 0));
    if (cut > 0) REQUIRE(notes[0].find("the last " + std::to_string(cut) + " bytes") != std::string::npos);
    REQUIRE(log.commit({put("new", "n")}).ok());
    Records expected = history.states[before];
    expected["new"] = Buffer("n");
    REQUIRE(*log.load(nullptr) == expected);
  }
}

TEST_CASE("a commit of which any byte is damaged, with others behind it, is refused in words") {
  LogFolder folder;
  const History history = filled_log(folder);
  const std::string whole = bytes_of(folder.log());
  for (std::size_t at = 0; at < history.sizes[3]; at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    put_bytes(folder.log(), damaged);
    const auto records = folder.open().load(nullptr);
    REQUIRE(records.status().code() == PINNATE_CORRUPT);
    REQUIRE(records.status().message().find("'" + folder.log() + "' is damaged at byte ") != std::string::npos);
    REQUIRE(bytes_of(folder.log()) == damaged);
  }
}

TEST_CASE("where all can be had again a damaged commit is given up and named, all others stay, and the damage goes") {
  LogFolder folder;
  const History history = filled_log(folder);
  std::string bytes = bytes_of(folder.log());
  bytes[history.sizes[2] + 20] ^= 4;
  put_bytes(folder.log(), bytes);
  RecordLog log = folder.open(true);
  std::vector<std::string> notes;
  const Records left = {{"a", Buffer("")}, {"b/c", Buffer("2")}, {"e", Buffer("last")}};
  CHECK(*log.load(&notes) == left);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("'" + folder.log() + "' is damaged at byte " + std::to_string(history.sizes[2])) !=
        std::string::npos);
  CHECK(notes[0].find("given up") != std::string::npos);
  REQUIRE(log.commit({put("e", "later")}).ok());
  CHECK(folder.records() == Records{{"a", Buffer("")}, {"b/c", Buffer("2")}, {"e", Buffer("later")}});
}

TEST_CASE("a log that is no log at all is begun anew where all can be had again, and refused elsewhere") {
  LogFolder folder;
  for (const std::string& bytes :
       {std::string(), std::string("short"), std::string(5000, 'x'), std::string(64, '\0')}) {
    put_bytes(folder.log(), bytes);
    CHECK(folder.open().load(nullptr).status().code() == PINNATE_CORRUPT);
    RecordLog log = folder.open(true);
    std::vector<std::string> notes;
    CHECK(log.load(&notes)->empty());
    CHECK(notes.size() == 1);
    REQUIRE(log.commit({put("a", "1")}).ok());
    CHECK(folder.records() == Records{{"a", Buffer("1")}});
  }
}

TEST_CASE("a log that is gone while its artifacts are there is not taken for a new one in silence") {
  LogFolder folder;
  const auto refused = RecordLog::open(folder.path, false, false);
  CHECK(refused.status().code() == PINNATE_CORRUPT);
  CHECK(refused.status().message().find("is missing beside its artifacts") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.log()));
  auto begun = RecordLog::open(folder.path, false, true);
  REQUIRE(begun.ok());
  std::vector<std::string> notes;
  CHECK(begun->load(&notes)->empty());
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("is missing beside its artifacts") != std::string::npos);
}

TEST_CASE(
    "a log that has grown to several times of what it holds is rewritten, and a rewrite that failed loses nothing") {
  LogFolder folder;
  RecordLog log = folder.open();
  const std::string big(100000, 'b');
  REQUIRE(log.commit({put("keep", "kept"), put("big", big)}).ok());
  std::filesystem::create_directory(folder.log() + ".new");  // no file can be made there
  std::size_t largest = 0;
  for (int i = 0; i < 60; i++) {
    if (i == 25) std::filesystem::remove(folder.log() + ".new");
    REQUIRE(log.commit({put("big", big + std::to_string(i))}).ok());
    largest = std::max(largest, folder.size());
  }
  CHECK(largest > 2000000);  // the rewrites failed
  CHECK(largest < 5000000);  // tried again when it was twice as long
  CHECK(folder.size() < 2000000);
  const Records expected = {{"keep", Buffer("kept")}, {"big", Buffer(big + "59")}};
  CHECK(folder.records() == expected);
}

TEST_CASE("a log of a newer version is refused in words, and left as it is") {
  LogFolder folder;
  filled_log(folder);
  std::string bytes = bytes_of(folder.log());
  FrameFormat newer{"PNL1", "PNW1", 2, 1, 100};
  bytes.replace(0, kFileHeaderBytes, encode_file_header(newer));
  put_bytes(folder.log(), bytes);
  const Status s = RecordLog::refuse_newer(folder.path);
  CHECK(s.code() == PINNATE_INCOMPATIBLE);
  CHECK(s.message().find("is of version 2, and this is for version 1") != std::string::npos);
  CHECK(bytes_of(folder.log()) == bytes);
}

TEST_CASE("a commit that the disk has no space for changes nothing") {
  LogFolder folder;
  REQUIRE(folder.open().commit({put("a", "old"), put("b", "old")}).ok());
  const int status = run_in_child([&] {
    auto log = RecordLog::open(folder.path, true, false);
    if (!log.ok()) return 1;
    fill_disk_beyond(1000);
    if (log->commit({put("a", std::string(2000, 'x'))}).code() != PINNATE_NO_SPACE) return 2;
    if (log->commit({put("a", std::string(800, 'x')), put("b", std::string(800, 'x'))}).code() != PINNATE_NO_SPACE)
      return 3;
    if (!log->commit({put("c", "fits")}).ok()) return 4;
    empty_disk();
    if (!log->commit({put("d", std::string(2000, 'x')), put("e", "fits")}).ok()) return 5;
    return 0;
  });
  CHECK(status == 0);
  CHECK(folder.records() == Records{{"a", Buffer("old")},
                                    {"b", Buffer("old")},
                                    {"c", Buffer("fits")},
                                    {"d", Buffer(std::string(2000, 'x'))},
                                    {"e", Buffer("fits")}});
}
