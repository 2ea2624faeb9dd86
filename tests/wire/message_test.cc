// Messages to bytes and back.
#include "wire/message.h"

#include "base/limits.h"
#include "wire/examples.h"

#include <doctest/doctest.h>

#include <msgpack.hpp>

#include <set>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

// Every field at or near its largest, so that none is mistaken for its default.
std::vector<Message> full_messages() {
  std::vector<Message> all;
  const Position far{~0ull, ~0ull, digest_of_all(0xff)};
  const std::string words(kReasonBytes, 'w');
  Labels labels;
  for (int i = 0; i < 64; i++) labels["key-" + std::to_string(i)] = std::string(63, 'v');
  Hello hello;
  hello.version_min = 0;
  hello.version_max = 0xffffffff;
  hello.features = ~0ull;
  hello.fleet = hello.tenant = std::string(63, 'f');
  hello.facing = 2;
  hello.id = std::string(127, 'i');
  hello.incarnation = ~0ull;
  hello.auth_method = "some-method";
  hello.auth_payload = Buffer(std::string(1000, '\0'));
  hello.labels = labels;
  hello.platform = std::string(63, 'p');
  hello.position = far;
  hello.heartbeat_ms = 600000;
  hello.needs = ~0ull;
  all.emplace_back(hello);
  all.emplace_back(Welcome{labels, ~0ull});
  Desired desired{far, ~0ull, ~0ull, 0xffffffff, false, {}, {}};
  for (std::uint64_t i = 0; i < 4096; i++) desired.withdrawn.push_back(i * 0x100000000);
  for (int i = 0; i < 600; i++)
    desired.releases.push_back({Buffer(std::string(100, 'r')), Buffer(std::string(i, 'm'))});
  all.emplace_back(desired);
  EngineStatus status{far, {}, words};
  for (std::uint64_t i = 0; i < 8192; i++)
    status.rows.push_back({i, "name", "1", static_cast<Phase>(i % kPhases), i % 2 == 0, ""});
  all.emplace_back(status);
  Rollup rollup{far, far, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, {4096, {~0ull, ~0ull}}, false, {}, {16, words}};
  for (std::uint64_t i = 0; i < 400; i++)
    rollup.rows.push_back({i,
                           std::string(63, 'n'),
                           std::string(63, 'v'),
                           ~i,
                           ~i,
                           ~i,
                           ~i,
                           ~i,
                           ~i,
                           ~i,
                           ~i,
                           {4, {std::string(127, 'e'), words}}});
  all.emplace_back(rollup);
  all.emplace_back(
      ManifestBytes{digest_of_all(1), PINNATE_INTERNAL, words, Buffer(std::string(kManifestLimitBytes, 'm'))});
  all.emplace_back(
      ChunkBytes{digest_of_all(1), 15, 0xffffffff, PINNATE_CORRUPT, words, Buffer(std::string(kChunkBytes + 1, 'c'))});
  all.emplace_back(Publish{~0ull,
                           Buffer(std::string(kManifestLimitBytes, 'm')),
                           std::string(1024, 's'),
                           Buffer(std::string(kConfigLimitBytes, 'c')),
                           {"waves"}});
  all.emplace_back(Releases{1,
                            PINNATE_OK,
                            words,
                            {{1, "n", "v", "s", digest_of_all(2), "p", 1, INT64_MIN, true, "e"},
                             {1, "n", "v", "s", digest_of_all(2), "p", 1, INT64_MAX, true, "e"}}});
  all.emplace_back(Call{~0ull,
                        "f",
                        "e",
                        {32, std::string(127, 'r')},
                        0xffffffff,
                        true,
                        Buffer(std::string(kCallLimitBytes, 'p')),
                        {"version-pin"},
                        {}});
  all.emplace_back(Returned{~0ull, PINNATE_FAILED, words, false, Buffer(std::string(kCallLimitBytes, 'r')), {}});
  return all;
}

void comes_back(const Message& m) {
  CAPTURE(m.index());
  const Buffer bytes = encode(m);
  CHECK(bytes.size() <= kMessageLimitBytes);
  const auto decoded = decode(bytes);
  REQUIRE(decoded.ok());
  REQUIRE(decoded->has_value());
  CHECK((*decoded)->index() == m.index());
  CHECK((encode(**decoded) == bytes));
}

template <class T>
T again(const T& m) {
  auto decoded = decode(encode(m));
  REQUIRE(decoded.ok());
  return std::get<T>(**decoded);
}

// `bytes` with one more field, nil, at the end of the message.
std::string with_extra_field(std::string bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first >= 0x90 && first < 0x9f)
    bytes[0]++;
  else if (first == 0x9f)
    bytes.replace(0, 1, std::string("\xdc\x00\x10", 3));
  else
    bytes[2]++;
  return bytes + '\xc0';
}

Status refused(const std::string& bytes) {
  auto decoded = decode(Buffer(bytes));
  REQUIRE_FALSE(decoded.ok());
  return decoded.status();
}

}  // namespace

TEST_CASE("every message comes back as it was sent") {
  std::set<std::size_t> kinds;
  for (const auto& [name, m] : example_messages()) {
    comes_back(m);
    kinds.insert(m.index());
  }
  CHECK(kinds.size() == std::variant_size_v<Message>);
  for (const Message& m : full_messages()) comes_back(m);
}

TEST_CASE("fields of every kind keep their values") {
  const auto hello = again(std::get<Hello>(example_messages()[0].second));
  CHECK(hello.version_max == 1);
  CHECK(hello.role == Role::engine);
  CHECK(hello.id == "cam-7");
  CHECK(hello.incarnation == 0x0123456789abcdef);
  CHECK(hello.labels == Labels{{"gpu", ""}, {"region", "eu"}});
  CHECK(hello.position.digest == digest_of_all(0xdd));
  CHECK(again(Goodbye{true}).forget);
  CHECK_FALSE(again(Goodbye{false}).forget);
  CHECK(again(Call{1, "f", "", {"a", "b"}, 5, true, Buffer("x"), {}, {}}).route == std::vector<std::string>{"a", "b"});
  CHECK(again(Ping{~0ull}).nonce == ~0ull);
  Releases releases;
  releases.releases.resize(1);
  for (std::int64_t ms : {std::int64_t(0), std::int64_t(-1), INT64_MIN, INT64_MAX}) {
    releases.releases[0].decided_unix_ms = ms;
    CHECK(again(releases).releases[0].decided_unix_ms == ms);
  }
}

TEST_CASE("calls travel as calls, content as bulk and all else as control") {
  for (const auto& [name, m] : example_messages()) {
    CAPTURE(name);
    const bool call = name == "call" || name == "returned", bulk = name == "chunk-bytes" || name == "manifest-bytes";
    CHECK((class_of(m) == (call ? Class::call : bulk ? Class::bulk : Class::control)));
  }
}

TEST_CASE("extra fields at the end of a message are ignored, and so are those of a structure within") {
  for (const auto& [name, m] : example_messages()) {
    CAPTURE(name);
    const Buffer plain = encode(m), more = Buffer(with_extra_field(plain.str()));
    const auto decoded = decode(more);
    REQUIRE(decoded.ok());
    // A call and its result are passed on by tiers that need not know all of it.
    const bool passed_on = name == "call" || name == "returned";
    CHECK((encode(**decoded) == (passed_on ? more : plain)));
  }
  // [9, [1, 2, digest, "new"], 0, false, [1, 2, digest]]
  const std::string digest = "\xc4\x20" + std::string(32, 'd');
  const auto confirm = decode(
      Buffer("\x95\x09\x94\x01\x02" + digest + "\xa3new" + std::string("\x00\xc2", 2) + "\x93\x01\x02" + digest));
  REQUIRE(confirm.ok());
  CHECK(std::get<Confirm>(**confirm).position.revision == 2);
}

TEST_CASE("fields missing at the end have their defaults, but for those that are required") {
  std::size_t optional = 0;
  for (const auto& [name, m] : example_messages()) {
    CAPTURE(name);
    std::string bytes = encode(m).str();
    const msgpack::object_handle whole = msgpack::unpack(bytes.data(), bytes.size());
    const auto& array = whole.get().via.array;
    bool was_read = true;
    for (std::uint32_t count = array.size; count >= 1; count--) {
      msgpack::sbuffer out;
      msgpack::packer<msgpack::sbuffer> pack(out);
      pack.pack_array(count);
      for (std::uint32_t i = 0; i < count; i++) pack.pack(array.ptr[i]);
      const auto decoded = decode(Buffer(std::string(out.data(), out.size())));
      CHECK((was_read || !decoded.ok()));  // who has fewer fields is not read where one with more is not
      was_read = decoded.ok();
      optional += decoded.ok();
      if (decoded.ok()) continue;
      CHECK(decoded.status().code() == PINNATE_CORRUPT);
      CHECK(decoded.status().message().ends_with(" is missing"));
    }
  }
  CHECK(optional > 80);
  CHECK(std::get<Welcome>(**decode(Buffer(std::string("\x91\x02")))).inherited.empty());
  CHECK(refused("\x91\x04").message() == "a malformed message: Ping.nonce is missing");
  CHECK(std::get<Lookup>(**decode(Buffer(std::string("\x92\x20\x05")))).limit == 100);
}

TEST_CASE("a malformed message is refused by its name, its field and what that is") {
  EngineStatus status{{}, {{1, "n", "v", Phase::live, false, ""}, {2, "n", "v", Phase::live, false, ""}}, ""};
  std::string bytes = encode(status).str();
  bytes.replace(bytes.rfind("\xa1v\x03") + 2, 1, "\xc0");
  CHECK(refused(bytes).message() == "a malformed message: EngineStatus.rows[1].phase is nil");
  CHECK(refused("\x92\x06\x01").message() == "a malformed message: Goodbye.forget is 1");
}

TEST_CASE("what may not come over a link is refused before its fields are looked at, and after unknown types") {
  for (Way over : {Way::handshake, Way::down_to_gateway, Way::down_to_engine, Way::down_to_client, Way::up_from_gateway,
                   Way::up_from_engine, Way::up_from_client}) {
    CAPTURE(static_cast<int>(over));
    const auto unknown = decode(Buffer(std::string("\x91\x42")), over);
    CHECK((unknown.ok() && !unknown->has_value()));
    CHECK(decode(Buffer(std::string("\x91\x07")), over).status().code() == PINNATE_UNSUPPORTED);
    const Code rollup = decode(Buffer(std::string("\x91\x0d")), over).status().code();
    CHECK(rollup == (over == Way::up_from_gateway ? PINNATE_CORRUPT : PINNATE_REFUSED));
  }
  CHECK(decode(Buffer(std::string("\x91\x0d")), Way::up_from_engine).status().message() ==
        "a Rollup from an engine below");
}

TEST_CASE("a field of another kind is refused") {
  CHECK(refused("\x92\x04\xff").code() == PINNATE_CORRUPT);  // a nonce below 0
  CHECK(refused("\x92\x04\xa1x").code() == PINNATE_CORRUPT);  // text for a number
  CHECK(refused("\x92\x06\x01").code() == PINNATE_CORRUPT);  // 1 for true
  CHECK(refused("\x92\x10\xc4\x1f" + std::string(31, 'd')).code() == PINNATE_CORRUPT);  // a short digest
  CHECK(refused("\x92\x10\xd9\x20" + std::string(32, 'd')).code() == PINNATE_CORRUPT);  // text for bytes
  CHECK(refused(std::string("\x93\x03\x01\xda\x10\x01", 6) + std::string(4097, 'x')).code() ==
        PINNATE_CORRUPT);  // long text
  CHECK(decode(Buffer(std::string("\x93\x03\x01\xda\x10\x00", 6) + std::string(4096, 'x'))).ok());
}

TEST_CASE("numbers are read from any msgpack form that holds them") {
  for (const char* seven : {"\x92\x04\x07", "\x92\x04\xcc\x07", "\x92\x04\xd0\x07"}) {
    const auto ping = decode(Buffer(std::string(seven)));
    REQUIRE(ping.ok());
    CHECK(std::get<Ping>(**ping).nonce == 7);
  }
  CHECK(decode(Buffer(std::string("\x92\x04\xcf\x00\x00\x00\x00\x00\x00\x00\x07", 11))).ok());
  // A page number has 32 bits.
  const std::string digest = "\xc4\x20" + std::string(32, 'd');
  const std::string position = "\x93\x01\x02" + digest;
  CHECK(
      refused("\x95\x09" + position + std::string("\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xc2", 10) + position).code() ==
      PINNATE_CORRUPT);
}

TEST_CASE("an unknown type below 64 is refused with its number, one from 64 on may be ignored") {
  for (int type : {0, 7, 11, 14, 15, 20, 23, 36, 63}) {
    const Status s = refused(std::string("\x92") + static_cast<char>(type) + "\xa1x");
    CHECK(s.code() == PINNATE_UNSUPPORTED);
    CHECK(s.message().find("type " + std::to_string(type)) != std::string::npos);
  }
  for (const std::string& bytes : {std::string("\x91\x42"), std::string("\x92\x7f\xa1x"),
                                   std::string("\x93\xcc\xff\x80\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 13),
                                   std::string("\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff")}) {
    const auto decoded = decode(Buffer(bytes));
    CHECK(decoded.ok());
    CHECK_FALSE(decoded->has_value());
  }
}

TEST_CASE("a status code of a later version is read as a failure, never as success") {
  const auto done = decode(Buffer(std::string("\x94\x1b\x02\xcc\xc8\xa0")));  // [27, 2, 200, ""]
  REQUIRE(done.ok());
  CHECK(std::get<Done>(**done).code == PINNATE_INTERNAL);
  CHECK(refused("\x94\x1b\x02\xff\xa0").code() == PINNATE_CORRUPT);
}

TEST_CASE("a role that is none is refused, and a phase of a later version is one that is not over") {
  Hello hello = std::get<Hello>(example_messages()[0].second);
  hello.role = static_cast<Role>(4);
  CHECK(refused(encode(hello).str()).message() == "a malformed message: Hello.role is 4");
  EngineStatus status{{}, {{1, "n", "v", static_cast<Phase>(8), false, ""}}, ""};
  CHECK(again(status).rows[0].phase == Phase::pending);
}

TEST_CASE("byte fields of a decoded message share the memory of its bytes") {
  const Buffer bytes = encode(ChunkBytes{digest_of_all(1), 0, 0, PINNATE_OK, "", Buffer(std::string(60000, 'c'))});
  auto decoded = decode(bytes);
  const Buffer& encoded = std::get<ChunkBytes>(**decoded).encoded;
  CHECK(encoded.data() >= bytes.data());
  CHECK(encoded.data() + encoded.size() <= bytes.data() + bytes.size());
}

TEST_CASE("a few bytes out of a large message do not keep it in memory, and a chunk is not copied") {
  Publish publish;
  publish.manifest = Buffer(std::string(1000000, 'm'));
  publish.config = Buffer("few");
  auto decoded = decode(encode(publish));
  REQUIRE((decoded.ok() && decoded->has_value()));
  const auto& got = std::get<Publish>(**decoded);
  CHECK(got.config.whole().size() == 3);
  CHECK(got.manifest.whole().size() > 1000000);
}
