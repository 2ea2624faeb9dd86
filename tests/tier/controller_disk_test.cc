// A controller whose disk is not as it left it.
#include "driven.h"

#include "base/limits.h"
#include "content/manifest.h"
#include "content/release.h"
#include "content/sha256.h"

#include "tier/desired_state.h"
#include "tier/history.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("a controller whose desired state is damaged keeps every artifact until a copy is put back") {
  FleetShape s = shape(1, 0, 1);
  s.controller.artifact_limit_bytes = 100000;
  TestFleet f(s);
  for (int i = 0; i < 10; ++i) f.release(module("f" + std::to_string(i), "1", 100000));
  f.world.crash("c");
  DiskImage image = f.world.backup("c");
  REQUIRE(image.artifacts.size() == 10);
  const Buffer head = image.records.at("head");
  image.records["head"] = Buffer("spoiled");
  f.world.restore_backup("c", image);
  f.world.restart("c");
  f.world.advance(kMinute);
  CHECK(TestFleet::says(f.status().notices, "put back a copy"));
  CHECK(f.publish(module("g", "1", 100000)).code == PINNATE_CORRUPT);
  f.world.advance(kMinute);
  CHECK(f.world.at("c").disk().image().artifacts.size() == 10);

  f.world.crash("c");
  image = f.world.backup("c");
  image.records["head"] = head;
  f.world.restore_backup("c", image);
  f.world.restart("c");
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "c");
  for (int i = 0; i < 10; ++i) CHECK(f.becomes_on("newcomer", "f" + std::to_string(i), "1"));
}

TEST_CASE("what a publisher that was lost left behind does not take the disk over its limit") {
  const Digest old = content::sha256("an artifact that nobody needs");
  Restored disk;
  disk.chunks[old][0] = 1024u * 1024 * 1024 - 10;  // all but ten bytes of four times the limit of an artifact
  Driven d(disk);
  CHECK(d.given_up.empty());
  content::Manifest manifest;
  manifest.name = "f";
  manifest.version = "1";
  content::ArtifactEntry artifact;
  artifact.platform = "any";
  artifact.size_bytes = kChunkBytes + 1;
  artifact.digest = content::sha256("new");
  artifact.chunks = {content::sha256("one"), content::sha256("two")};
  manifest.artifacts = {artifact};
  const tier::LinkId link = d.link("publisher", wire::Role::client);
  wire::Publish publish;
  publish.id = 1;
  publish.manifest = content::encode_manifest(manifest);
  d.say(link, publish);
  wire::ChunkBytes chunk;
  chunk.manifest = content::sha256(publish.manifest.view());
  chunk.encoded = Buffer(std::string(1000, 'x'));
  d.say(link, chunk);
  REQUIRE(d.accepts.size() == 1);
  d.controller->completed(d.now, {d.accepts[0].token, {}, {}, {}});
  d.take();
  CHECK(d.given_up.empty());  // it may be published yet
  d.controller->link_closed(d.now, link, {PINNATE_IO, "gone"});
  d.take();
  CHECK(d.given_up.size() >= 1);
}

TEST_CASE("a release older than the history goes back is not listed as lost") {
  // The history is full, and engines still serve a release that it gave up, and one that it never
  // had.
  constexpr std::uint64_t kGivenUp = 5, kLost = 20001;
  Restored disk;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    wire::ReleaseFacts facts;
    facts.number = 10000 + 2 * i;
    facts.name = "f";
    facts.ended = "withdrawn";
    tier::History::Difference one;
    one.added.push_back({facts, {}});
    for (const RecordWrite& write : tier::History().writes(one)) disk.records[write.key] = *write.value;
  }
  tier::DesiredState state;
  state.decide(1, 60000, {}, {});
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;

  Driven d(disk);
  const tier::LinkId link = d.link("g");
  int given_up = 0, lost = 0;
  for (std::uint64_t engines = 1; engines <= 5; ++engines) {
    wire::Rollup rollup;
    rollup.online = engines;
    for (std::uint64_t release : {kGivenUp, kLost}) {
      wire::ReleaseRow row;
      row.release = release;
      row.name = "f";
      row.version = "1";
      row.serving = engines;
      rollup.rows.push_back(row);
    }
    d.say(link, rollup);
    d.advance(1500);
    while (!d.commits.empty()) {
      for (const RecordWrite& write : d.commits.front().writes) {
        given_up += write.key == "history/00000000000000000005";
        lost += write.key == "history/00000000000000020001";
      }
      d.finish({});
    }
  }
  CHECK(given_up == 0);
  CHECK(lost == 1);
}

TEST_CASE("a lost release is listed, however soon the engine that told of it has moved on") {
  Restored disk;
  tier::DesiredState state;
  state.decide(1, 10, {}, {});
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;
  Driven d(disk);
  const tier::LinkId link = d.link("e", wire::Role::engine);
  wire::EngineStatus status;
  status.position = {1, 11, {}};
  wire::ServiceRow row;
  row.name = "b";
  row.version = "1";
  row.release = 9;
  row.phase = wire::Phase::live;
  row.serving = true;
  status.rows.push_back(row);
  d.say(link, status);
  status.rows.clear();
  d.say(link, status);
  d.advance(1500);
  int listed = 0;
  while (!d.commits.empty()) {
    for (const RecordWrite& write : d.commits.front().writes) listed += write.key == "history/00000000000000000009";
    d.finish({});
  }
  CHECK(listed == 1);
}

TEST_CASE("a release whose number was given before keeps its place in the history, however soon that is told") {
  content::Manifest manifest;
  manifest.name = "f";
  manifest.version = "3";
  manifest.artifacts = {{"any", content::sha256("bytes"), 5, {content::sha256("bytes")}}};
  Restored disk;
  disk.chunks[manifest.artifacts[0].digest][0] = 5;
  Driven d(disk);
  wire::Publish publish;
  publish.id = 1;
  publish.manifest = content::encode_manifest(manifest);
  d.say(tier::kHostLink, publish);
  REQUIRE(d.syncs.size() == 1);
  d.controller->completed(d.now, {d.syncs[0].token, {}, {}, {}});
  d.advance(0);
  REQUIRE(d.commits.size() == 1);  // release 1, which is being written
  wire::Rollup rollup;
  rollup.seen = {1, 2, {}};
  wire::ReleaseRow row;
  row.name = "f";
  row.version = "1";
  for (row.release = 1; row.release <= 2; ++row.release) {
    row.serving = 1;
    rollup.rows.push_back(row);
  }
  d.say(d.link("g"), rollup);
  d.advance(1500);
  while (!d.commits.empty()) d.finish({});
  REQUIRE(d.last<wire::Published>(tier::kHostLink));
  CHECK(d.last<wire::Published>(tier::kHostLink)->release == 1);
  wire::ListReleases list;
  d.say(tier::kHostLink, list);
  const auto* releases = d.last<wire::Releases>(tier::kHostLink);
  REQUIRE(releases);
  REQUIRE(releases->releases.size() == 2);
  CHECK(releases->releases[0].ended == "lost with a restored copy");
  CHECK(releases->releases[1].version == "3");
  CHECK(releases->releases[1].current);
}

TEST_CASE("a newer history that is heard of while a new epoch is written is not forgotten") {
  Restored disk;
  tier::DesiredState state;
  state.decide(1, 5, {}, {});
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;
  Driven d(disk);
  const auto hear = [&](tier::LinkId link, std::uint64_t epoch, std::uint64_t revision) {
    wire::Rollup rollup;
    rollup.seen.epoch = epoch;
    rollup.seen.revision = revision;
    d.say(link, rollup);
  };
  const tier::LinkId first = d.link("first"), second = d.link("second");
  hear(first, 1, 10);
  hear(second, 2, 15);
  for (int i = 0; i < 10 && !d.commits.empty(); ++i) d.finish({});
  const auto position = d.status().position;
  CHECK(position.epoch == 3);
  CHECK(position.revision > 15);
}

TEST_CASE("manifests wait for room on the link, so that many large ones do not end it") {
  constexpr std::size_t kManifests = 24;
  Restored disk;
  tier::DesiredState state;
  std::vector<tier::DesiredState::Entry> entries;
  std::vector<Digest> digests;
  for (std::size_t i = 0; i < kManifests; ++i) {
    content::Manifest manifest;
    manifest.name = "f" + std::to_string(i);
    manifest.version = "1";
    for (const char* platform : {"linux-x86_64", "linux-aarch64", "linux-riscv64", "linux-armv7"}) {
      content::ArtifactEntry artifact{platform, content::sha256(platform), 4000 * kChunkBytes, {}};
      for (int chunk = 0; chunk < 4000; ++chunk) artifact.chunks.push_back(artifact.digest);
      manifest.artifacts.push_back(artifact);
    }
    const Buffer bytes = content::encode_manifest(manifest);
    REQUIRE(bytes.size() > 500000);
    digests.push_back(content::sha256(bytes.view()));
    disk.records["manifest/" + digests.back().hex()] = bytes;
    content::Release release;
    release.number = i + 1;
    release.epoch = 1;
    release.name = manifest.name;
    release.version = "1";
    release.manifest = digests.back();
    auto entry = tier::DesiredState::make_entry(content::encode_release(release));
    REQUIRE(entry.ok());
    entries.push_back(*entry);
  }
  state.decide(1, kManifests, {}, entries);
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;

  Driven d(disk);
  const tier::LinkId link = d.link("g");
  d.bulk_bytes.clear();
  for (const Digest& digest : digests) d.say(link, wire::WantManifest{digest});
  std::size_t all = 0;
  for (int turns = 0; turns < 100 && !d.bulk_bytes.empty(); ++turns) {
    const std::size_t waiting = std::exchange(d.bulk_bytes[link], 0);
    if (waiting == 0) break;
    CHECK(waiting <= 2 * 1024 * 1024);
    all += waiting;
    d.controller->link_drained(d.now, link, {waiting, 0});
    d.take();
  }
  CHECK(all > kManifests * 500000);
}
