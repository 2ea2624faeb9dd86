// Calls and results that are read in place: they say what decode() says, of whatever bytes.
#include "wire/call.h"

#include "base/limits.h"
#include "base/random.h"

#include <doctest/doctest.h>

#include <msgpack.hpp>

#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

Call full_call() {
  Call call;
  call.id = 0x0123456789abcdef;
  call.function = "thumbnail";
  call.engine = "cam-7";
  call.route = {"site-1", "cam-7"};
  call.timeout_ms = 70000;
  call.idempotent = true;
  call.payload = Buffer(std::string(300, 'p'));
  call.needs = {"one"};
  call.version = "1.2";
  call.request_id = std::string(300, 'r');
  call.selector = "gpu";
  call.headers = {{"a", "b"}, {"trace", std::string(40, 't')}};
  return call;
}

std::vector<Call> calls() {
  std::vector<Call> all{full_call(), Call()};
  all[1].function = "f";
  for (std::size_t bytes : {0, 1, 255, 256, 65535, 65536, 1 << 20}) {
    all.push_back(all[1]);
    all.back().payload = Buffer(std::string(bytes, 'x'));
  }
  return all;
}

// As another writer may have it: numbers as short as they get, and only the first `fields` fields.
Buffer written_shortly(const Call& call, int fields) {
  msgpack::sbuffer out;
  msgpack::packer<msgpack::sbuffer> pack(out);
  pack.pack_array(static_cast<std::uint32_t>(1 + fields));
  pack.pack(34);
  pack.pack(call.id);
  pack.pack(call.function);
  pack.pack(call.engine);
  pack.pack(call.route);
  pack.pack(call.timeout_ms);
  pack.pack(call.idempotent);
  pack.pack_bin(static_cast<std::uint32_t>(call.payload.size()));
  pack.pack_bin_body(call.payload.data(), static_cast<std::uint32_t>(call.payload.size()));
  if (fields > 7) pack.pack(call.needs);
  if (fields > 8) pack.pack(call.version);
  if (fields > 9) pack.pack(call.request_id);
  if (fields > 10) pack.pack(call.selector);
  if (fields > 11) pack.pack(call.headers);
  if (fields > 12) pack.pack(std::vector<double>{1.5, -2});  // of a later version
  if (fields > 13) pack.pack_nil();
  return Buffer(std::string(out.data(), out.size()));
}

void same(const CallView& view, const Call& call) {
  CHECK(view.id == call.id);
  CHECK(view.function == call.function);
  CHECK(view.engine == call.engine);
  CHECK(view.steps == call.route.size());
  CHECK(view.route() == call.route);
  CHECK(view.timeout_ms == call.timeout_ms);
  CHECK(view.idempotent == call.idempotent);
  CHECK(view.payload == call.payload.view());
  CHECK(view.plain == (call.needs.empty() && call.version.empty() && call.selector.empty()));
  CHECK(view.has_headers == !call.headers.empty());
  CHECK(encode(view.whole()) == encode(call));
}

// Whatever `bytes` are, both ways of reading them agree.
template <class Whole, class View>
void must_agree(const Buffer& bytes, Result<View> (*read)(Buffer)) {
  const Result<Whole> whole = decode_as<Whole>(bytes);
  const Result<View> view = read(bytes);
  REQUIRE(view.ok() == whole.ok());
  if (!view.ok()) CHECK(view.status().message() == whole.status().message());
  if (view.ok()) CHECK(encode(view->whole()) == encode(*whole));
}

}  // namespace

TEST_CASE("a call is read in place as decode() takes it apart, whoever wrote it") {
  for (const Call& call : calls()) {
    const auto view = read_call(encode(call));
    REQUIRE(view.ok());
    same(*view, call);
    for (int fields = 7; fields <= 14; ++fields) {
      CAPTURE(fields);
      const Buffer bytes = written_shortly(call, fields);
      const auto shorter = read_call(bytes);
      REQUIRE(shorter.ok());
      same(*shorter, *decode_as<Call>(bytes));
    }
    CHECK_FALSE(read_call(written_shortly(call, 6)).ok());
  }
}

TEST_CASE("what is no call or no result is refused in the words of decode(), cut or changed anywhere") {
  Random random(1);
  const Returned returned{7, PINNATE_FAILED, "it is broken", true, Buffer(std::string(60, 'r'))};
  for (const Buffer& whole :
       {encode(full_call()), written_shortly(full_call(), 14), encode(returned), encode(Message(Cancel{7}))}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      must_agree<Call>(Buffer(whole.slice(0, size).str()), read_call);
      must_agree<Returned>(Buffer(whole.slice(0, size).str()), read_returned);
    }
    for (int i = 0; i < 20000; ++i) {
      std::string bytes = whole.str();
      for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes)
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
      must_agree<Call>(Buffer(bytes), read_call);
      must_agree<Returned>(Buffer(bytes), read_returned);
    }
  }
}

TEST_CASE("a call goes on with another id, time and route, and all else as it came") {
  const std::vector<std::vector<std::string>> routes{{}, {"cam-7"}, std::vector<std::string>(20, "step")};
  for (const Call& call : calls())
    for (const auto& route : routes)
      for (const Buffer& bytes : {encode(call), written_shortly(call, 7), written_shortly(call, 14)}) {
        auto view = read_call(Buffer(bytes.str()));
        REQUIRE(view.ok());
        Call expected = *decode_as<Call>(bytes);
        expected.id = 5;
        expected.timeout_ms = 9;
        expected.route = route;
        const auto passed = decode_as<Call>(passed_on(*view, 5, 9, route));
        REQUIRE(passed.ok());
        CHECK(encode(*passed) == encode(expected));
      }
}

TEST_CASE("bytes that nobody else holds are changed in place, others are not") {
  Call call = full_call();
  call.route.clear();
  auto view = read_call(encode(call));
  const char* const at = view->bytes.data();
  const Buffer first = passed_on(*view, 5, 9, {});
  CHECK(first.data() == at);
  const Buffer second = passed_on(*view, 6, 9, {});  // `first` is on its way
  CHECK(second.data() != at);
  CHECK(decode_as<Call>(first)->id == 5);
  CHECK(decode_as<Call>(second)->id == 6);

  auto returned = read_returned(encode(Returned{7, PINNATE_OK, "", false, Buffer(std::string("r"))}));
  const char* const result_at = returned->bytes.data();
  const Buffer passed = passed_on(*returned, 8, true);
  CHECK(passed.data() == result_at);
  CHECK(decode_as<Returned>(passed)->id == 8);
  CHECK(decode_as<Returned>(passed)->ran);
}

TEST_CASE("a result goes on with another id, and with what is known of its having run") {
  for (const bool ran : {false, true})
    for (int fields = 2; fields <= 6; ++fields) {
      CAPTURE(fields);
      msgpack::sbuffer out;
      msgpack::packer<msgpack::sbuffer> pack(out);
      pack.pack_array(static_cast<std::uint32_t>(1 + fields));
      pack.pack(35);
      pack.pack(7);
      pack.pack(14);
      if (fields > 2) pack.pack(std::string("why"));
      if (fields > 3) pack.pack(false);
      if (fields > 4) pack.pack_bin(1), pack.pack_bin_body("r", 1);
      if (fields > 5) pack.pack(std::string("of a later version"));
      const Buffer bytes(std::string(out.data(), out.size()));
      auto view = read_returned(Buffer(bytes.str()));
      REQUIRE(view.ok());
      Returned expected = *decode_as<Returned>(bytes);
      expected.id = ~0ull;
      expected.ran = ran;
      CHECK(encode(*decode_as<Returned>(passed_on(*view, ~0ull, ran))) == encode(expected));
    }
}

TEST_CASE("the type of a message is known from its first bytes") {
  CHECK(type_of(encode(full_call()).view()) == kCallType);
  CHECK(type_of(encode(Message(Returned())).view()) == kReturnedType);
  CHECK(type_of(encode(Message(Ping{7})).view()) == 4);
  for (const char* bytes : {"", "\x90", "\x22", "\xdc", "\xdc\x00\x01", "\x91\xcc"})
    CHECK(type_of(bytes) == 0);
}
