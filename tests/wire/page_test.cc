// The bytes that PROTOCOL.md shows are those that the encoder writes. Its examples are blocks
// ```hex NAME; what follows a ';' in a line is there for the reader.
#include "base/limits.h"
#include "wire/examples.h"
#include "wire/frames.h"
#include "wire/mux.h"

#include <doctest/doctest.h>

#include <msgpack.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

std::string page_text() {
  // Where a compiler cache makes __FILE__ relative, it says nothing to a program that runs
  // elsewhere; the build is below the sources then.
  const std::filesystem::path name = "lib/wire/PROTOCOL.md", here = __FILE__;
  std::filesystem::path root =
      here.is_absolute() ? here.parent_path().parent_path().parent_path() : std::filesystem::path(PINNATE_TEST_FILES);
  while (here.is_relative() && root.has_relative_path() && !exists(root / name)) root = root.parent_path();
  std::ifstream page(root / name);
  REQUIRE(page.good());
  std::stringstream text;
  text << page.rdbuf();
  return text.str();
}

std::map<std::string, std::string> examples_of_page() {
  std::map<std::string, std::string> all;
  std::istringstream page(page_text());
  std::string line, name;
  while (std::getline(page, line)) {
    if (line.starts_with("```")) {
      name = line.starts_with("```hex ") ? line.substr(7) : "";
      if (!name.empty()) {
        CAPTURE(name);
        CHECK_FALSE(all.contains(name));
        all[name] = "";
      }
      continue;
    }
    if (name.empty()) continue;
    std::istringstream bytes(line.substr(0, line.find(';')));
    for (std::string byte; bytes >> byte;) {
      REQUIRE(byte.size() == 2);
      all[name].push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
    }
  }
  return all;
}

std::string hex(const std::string& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i++) {
    char text[4];
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned>(static_cast<std::uint8_t>(bytes[i])));
    out += (i == 0 ? "" : i % 16 == 0 ? "\n" : " ") + std::string(text);
  }
  return out;
}

// What the encoder writes, under the names of the page.
std::map<std::string, std::string> examples_of_encoder() {
  std::map<std::string, std::string> all;
  for (const auto& [name, m] : example_messages()) all[name] = encode(m).str();

  Mux mux(8 << 20);
  REQUIRE(mux.send(Class::control, encode(Ping{7})).ok());
  all["frame-control"] = output(mux, 100);
  REQUIRE(mux.send(Class::call, encode(Cancel{6})).ok());  // the contents do not matter to a frame
  output(mux, 100);
  REQUIRE(mux.send(Class::bulk, Buffer(std::string(20000, 'x'))).ok());
  const std::string two = output(mux, 40000);
  all["frame-first"] = two.substr(0, kFrameHeaderBytes);
  all["frame-last"] = two.substr(kFrameHeaderBytes + kFragmentBytes, kFrameHeaderBytes);

  REQUIRE(mux.send(Class::call, Buffer(std::string(1000000, 'x'))).ok());
  Mux peer(8 << 20);
  std::vector<Arrived> arrived;
  REQUIRE(peer.receive(output(mux, 1 << 20), &arrived).ok());
  all["frame-credit"] = output(peer, 100);
  return all;
}

}  // namespace

TEST_CASE("every example of PROTOCOL.md is what the encoder writes, and every message has one") {
  const auto page = examples_of_page();
  for (const auto& [name, bytes] : examples_of_encoder()) {
    INFO("the page should show\n```hex " << name << "\n" << hex(bytes) << "\n```");
    const auto shown = page.find(name);
    REQUIRE(shown != page.end());
    CHECK(hex(shown->second) == hex(bytes));
  }
}

TEST_CASE("the limits that PROTOCOL.md names are those in force") {
  const std::string page = page_text();
  const std::pair<const char*, std::uint64_t> limits[] = {
      {"frame payload", kFragmentBytes},
      {"message", kMessageLimitBytes},
      {"stream credit", kStreamCreditBytes},
      {"open streams", kOpenStreams},
      {"chunk", kChunkBytes},
      {"configuration", kConfigLimitBytes},
      {"manifest", kManifestLimitBytes},
      {"call payload and result", kCallLimitBytes},
      {"nesting", kNestingLimit},
      {"current releases", kReleaseLimit},
      {"artifacts of a manifest", kArtifactsPerManifest},
      {"reason", kReasonBytes},
      {"artifact", kArtifactLimitBytes},
      {"artifact, ceiling", kArtifactCeilingBytes},
  };
  for (const auto& [name, value] : limits) {
    const std::string row = "| " + std::string(name) + " | " + std::to_string(value) + " |";
    CAPTURE(row);
    CHECK(page.find(row) != std::string::npos);
  }
}

namespace {

// The row of the table of messages for `type`, as cells; empty where there is none.
std::vector<std::string> row_of(const std::string& page, unsigned type) {
  const std::size_t at = page.find("\n| " + std::to_string(type) + " | " + type_name(type) + " | ");
  std::vector<std::string> cells;
  if (at == std::string::npos) return cells;
  std::istringstream row(page.substr(at + 2, page.find('\n', at + 1) - at - 2));
  for (std::string cell; std::getline(row, cell, '|');) {
    const std::size_t first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

}  // namespace

TEST_CASE("what may come over which link, and how many fields are required, is as the table of messages says") {
  const std::string page = page_text();
  const std::tuple<Way, std::size_t, const char*> ways[] = {
      {Way::handshake, 3, "handshake"},   {Way::handshake, 4, "handshake"},   {Way::down_to_gateway, 3, "gateway"},
      {Way::down_to_engine, 3, "engine"}, {Way::down_to_client, 3, "client"}, {Way::up_from_gateway, 4, "gateway"},
      {Way::up_from_engine, 4, "engine"}, {Way::up_from_client, 4, "client"},
  };
  std::size_t messages = 0;
  for (unsigned type = 0; type < 128; type++) {
    CAPTURE(type);
    const auto cells = row_of(page, type);
    if (std::string(type_name(type)) == "message") {
      CHECK(cells.empty());
      continue;
    }
    messages++;
    REQUIRE(cells.size() == 6);
    const std::string bare = "\x91" + std::string(1, static_cast<char>(type));
    for (const auto& [way, cell, name] : ways) {
      CAPTURE(name);
      const bool may = (", " + cells[cell] + ",").find(std::string(", ") + name + ",") != std::string::npos;
      CHECK((decode(Buffer(bare), way).status().code() != PINNATE_REFUSED) == may);
    }
  }
  CHECK(messages == std::variant_size_v<Message>);
  for (const auto& [name, m] : example_messages()) {
    const std::string bytes = encode(m).str();
    const msgpack::object_handle whole = msgpack::unpack(bytes.data(), bytes.size());
    const auto& array = whole.get().via.array;
    const auto read = [&](std::uint32_t fields) {
      msgpack::sbuffer out;
      msgpack::packer<msgpack::sbuffer> pack(out);
      pack.pack_array(1 + fields);
      for (std::uint32_t i = 0; i <= fields; i++) pack.pack(array.ptr[i]);
      return decode(Buffer(std::string(out.data(), out.size()))).ok();
    };
    CAPTURE(name);
    const unsigned required = static_cast<unsigned>(std::stoi(row_of(page, array.ptr[0].as<unsigned>()).at(5)));
    CHECK(read(required));
    if (required > 0) CHECK_FALSE(read(required - 1));
  }
}
