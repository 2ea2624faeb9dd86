// One example of every message, with few and telling values. PROTOCOL.md shows the bytes of each
// under its name.
#pragma once

#include "wire/message.h"

#include <string>
#include <utility>
#include <vector>

namespace pinnate::wire {

inline Digest digest_of_all(std::uint8_t byte) {
  Digest d;
  d.bytes.fill(byte);
  return d;
}

inline std::vector<std::pair<std::string, Message>> example_messages() {
  const Position two{1, 2, digest_of_all(0xdd)}, seven{1, 7, digest_of_all(0xee)};
  const Digest manifest = digest_of_all(0xaa);
  std::vector<std::pair<std::string, Message>> all;
  const auto add = [&](const char* name, Message m) { all.emplace_back(name, std::move(m)); };

  Hello hello;
  hello.fleet = "default";
  hello.role = Role::engine;
  hello.facing = 1;
  hello.id = "cam-7";
  hello.incarnation = 81985529216486895;  // 0x0123456789abcdef
  hello.labels = {{"gpu", ""}, {"region", "eu"}};
  hello.platform = "linux-x86_64";
  hello.position = two;
  hello.heartbeat_ms = 5000;
  add("hello", hello);
  add("welcome", Welcome{{{"site", "oslo"}}});
  add("refuse", Refuse{PINNATE_REFUSED, "fleet 'b' is not 'a'"});
  add("ping", Ping{7});
  add("pong", Pong{7});
  add("goodbye", Goodbye{true});
  add("desired",
      Desired{seven, 1, 2, 0, true, {2}, {{Buffer("RELEASE"), Buffer("MANIFEST")}, {Buffer("RELEASE"), {}}}});
  add("confirm", Confirm{seven, 0, false, seven});
  add("context", Context{{{"site", "oslo"}}});
  add("engine-status", EngineStatus{seven,
                                    {{7, "thumbnail", "1.1.0", Phase::loading, false, ""},
                                     {2, "thumbnail", "1.0.0", Phase::not_selected, true, ""}},
                                    "",
                                    {{"thumbnail", "0.9.0", 1048576, 2, "threads are in it"}}});
  ReleaseRow row;
  row.release = 7;
  row.name = "thumbnail";
  row.version = "1.1.0";
  row.loading = 1;
  row.live = 300;
  row.failed = 1;
  row.selected = 302;
  row.serving = 300;
  row.serving_offline = 2;
  row.failures = {{"cam-9", "create failed"}};
  add("rollup", Rollup{seven, seven, 310, 2, 0, 4, 0, {{7, 308}, {5, 2}}, true, {row}, {}, 3, 4194304});
  add("want-manifest", WantManifest{manifest});
  add("manifest-bytes", ManifestBytes{manifest, PINNATE_OK, "", Buffer("MANIFEST")});
  add("want-chunk", WantChunk{manifest, 0, 3});
  add("chunk-bytes", ChunkBytes{manifest, 0, 3, PINNATE_OK, "", Buffer(std::string("\0plain", 6))});
  add("publish", Publish{1, Buffer("MANIFEST"), "region=eu", Buffer("CONFIG"), {}, {"exports"}});
  add("published", Published{1, PINNATE_OK, "", 7, seven, true, 12000});
  add("publish-progress", PublishProgress{1, 65536, 200000});
  add("unpublish", Unpublish{2, "thumbnail", 0});
  add("done", Done{2, PINNATE_OK, ""});
  add("list-releases", ListReleases{3, "thumbnail"});
  add("releases",
      Releases{3,
               PINNATE_OK,
               "",
               {{7, "thumbnail", "1.1.0", "", manifest, "linux-x86_64", 200000, 1700000000000, false, "withdrawn"}}});
  add("get-status", GetStatus{4, "thumbnail", true, false});
  StatusRow shown;
  shown.release = 7;
  shown.name = "thumbnail";
  shown.version = "1.1.0";
  shown.current = true;
  shown.phases = {0, 0, 1, 300, 1, 0, 0, 2};
  shown.serving = 300;
  shown.serving_offline = 2;
  shown.failures = {{"cam-9", "create failed"}};
  add("status-report", StatusReport{4, PINNATE_OK, "", "top", seven, 302, 2, 0, 4, 0, {shown}, {}, 3, 4194304});
  Lookup lookup;
  lookup.id = 5;
  lookup.name = "thumbnail";
  lookup.phase = 1 + static_cast<std::uint8_t>(Phase::failed);
  add("lookup", lookup);
  TierRow tier;
  tier.role = Role::engine;
  tier.id = "cam-9";
  tier.path = "site-1/pod-3";
  tier.online = true;
  tier.platform = "linux-x86_64";
  tier.position = seven;
  tier.services = {{7, "thumbnail", "1.1.0", Phase::failed, false, "create failed"}};
  add("tiers", Tiers{5, PINNATE_OK, "", {tier}, "site-1/pod-4"});
  add("call", Call{6,
                   "thumbnail",
                   "cam-7",
                   {"site-1", "pod-3", "cam-7"},
                   10000,
                   false,
                   Buffer("PAYLOAD"),
                   {},
                   "",
                   "",
                   "",
                   {{"trace", "4bf9"}},
                   {}});
  add("returned", Returned{6, PINNATE_OK, "", true, Buffer("RESULT"), {}});
  add("cancel", Cancel{6});
  return all;
}

}  // namespace pinnate::wire
