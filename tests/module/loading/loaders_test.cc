// A host's own kind of artifact takes the same path as shared objects.
#include "content/sha256.h"
#include "module/host.h"

#include <sys/mman.h>

#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// Modules are text; a service answers with it. What the loader saw is kept for the test.
struct TextLoader {
  std::string name, version, digest, by_fd, by_path, mapped;
  std::size_t host_bytes = 0;
  std::pair<dev_t, ino_t> file;
  bool sealed = false;
  int loaded = 0;

  pinnate_loader table() {
    pinnate_loader t{};
    t.size = sizeof t;
    t.kind = "text";
    t.flags = PINNATE_CALLS_MAY_OVERLAP;
    t.self = this;
    t.load = [](void* self, const pinnate_image* image, void** module, char* error, size_t error_bytes) {
      auto& seen = *static_cast<TextLoader*>(self);
      seen.name = image->name, seen.version = image->version, seen.digest = image->digest;
      seen.mapped.assign(static_cast<const char*>(image->data), image->size_bytes);
      seen.by_fd.resize(image->size_bytes);
      if (pread(image->fd, seen.by_fd.data(), seen.by_fd.size(), 0) < 0) seen.by_fd.clear();
      seen.by_path = file_bytes(image->fd_path);
      struct stat st {};
      fstat(image->fd, &st);
      seen.file = {st.st_dev, st.st_ino};
      seen.sealed = pwrite(image->fd, "x", 1, 0) < 0 && ftruncate(image->fd, 1) != 0;
      if (seen.mapped == "bad") {
        snprintf(error, error_bytes, "line 1: syntax error");
        return 1;
      }
      ++seen.loaded;
      *module = new std::pair<TextLoader*, std::string>(&seen, seen.mapped);
      return 0;
    };
    t.create = [](void* module, const pinnate_host* host, const void*, size_t, void** service, char*, size_t) {
      static_cast<std::pair<TextLoader*, std::string>*>(module)->first->host_bytes = host->size;
      *service = const_cast<pinnate_host*>(host);
      return 0;
    };
    t.call = [](void* module, void* service, pinnate_reply* reply, const void*, size_t) {
      const auto& text = static_cast<std::pair<TextLoader*, std::string>*>(module)->second;
      static_cast<pinnate_host*>(service)->answer(reply, text.data(), text.size());
    };
    t.destroy = [](void*, void*) {};
    t.unload = [](void* module) {
      auto* loaded = static_cast<std::pair<TextLoader*, std::string>*>(module);
      --loaded->first->loaded;
      delete loaded;
    };
    return t;
  }
};

LoadOrder text(ServiceId id, const std::string& bytes) {
  LoadOrder order = TestHost::order(id, bytes);
  order.loader = "text";
  return order;
}

}  // namespace

TEST_CASE(
    "a loader of the host gets the artifact sealed, by descriptor, by path and mapped, and unloads what it loaded") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    TextLoader loader;
    ServiceHostOptions options;
    options.private_files = private_files;
    TestHost host(options);
    REQUIRE(host->add_loader(loader.table()).ok());
    const std::string long_text(kChunkBytes + 17, 'q');
    host.serve(text(1, long_text));
    CHECK(loader.name == "f");
    CHECK(loader.version == "1.0.0");
    CHECK(loader.digest == digest_of(1).hex());
    CHECK(loader.mapped == long_text);
    CHECK(loader.by_fd == long_text);
    CHECK(loader.by_path == long_text);
    CHECK(loader.sealed);
    CHECK(loader.host_bytes == sizeof(pinnate_host));
    CHECK(host.call_here("").bytes.view() == long_text);
    CHECK(host.call("").bytes.view() == long_text);
    host.close();
    CHECK(loader.loaded == 0);
  }
}

TEST_CASE("a loader's refusal is reported in its words") {
  TextLoader loader;
  TestHost host;
  REQUIRE(host->add_loader(loader.table()).ok());
  const Status s = host.load(text(1, "bad"));
  CHECK(s.code() == PINNATE_FAILED);
  CHECK(s.message() == "module 'f' 1.0.0: line 1: syntax error");
  CHECK(host.destroy(1).ok());  // nothing is left of it
}

TEST_CASE("a loader that lacks what it needs is refused") {
  TextLoader loader;
  TestHost host;
  pinnate_loader table = loader.table();
  table.call = nullptr;
  CHECK(host->add_loader(table).code() == PINNATE_INVALID);
  table = loader.table();
  table.kind = "Not A Kind";
  CHECK(host->add_loader(table).code() == PINNATE_INVALID);
  table = loader.table();
  table.size = 8;
  CHECK(host->add_loader(table).code() == PINNATE_INVALID);
}

TEST_CASE("bytes that another engine of the process has are read once, and each module has a file of its own") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    TextLoader first, second;
    ServiceHostOptions options;
    options.private_files = private_files;
    TestHost one(options), two(options);
    REQUIRE(one->add_loader(first.table()).ok());
    REQUIRE(two->add_loader(second.table()).ok());
    int reads = 0;
    const auto counted = [&](ServiceId id, const std::string& bytes) {
      LoadOrder order = text(id, bytes);
      order.image.content = content::sha256(bytes);
      order.image.read_chunk = [&reads, read = order.image.read_chunk](std::uint32_t i) { return reads++, read(i); };
      return order;
    };
    const std::string long_text(kChunkBytes + 17, 'q');
    one.serve(counted(1, long_text));
    CHECK(reads == 2);
    two.serve(counted(1, long_text));
    CHECK(reads == 2);
    CHECK(second.by_path == long_text);
    CHECK(second.sealed);
    CHECK(second.file != first.file);
    one.close();
    CHECK(two.call_here("").bytes.view() == long_text);
    REQUIRE(two.load(counted(2, long_text)).ok());  // from the copy
    CHECK(reads == 2);
    REQUIRE(two.load(counted(3, "other")).ok());
    CHECK(reads == 3);
    two.close();
    TestHost three(options);
    REQUIRE(three->add_loader(first.table()).ok());
    REQUIRE(three.load(counted(1, long_text)).ok());  // nobody has it any more
    CHECK(reads == 5);
  }
}

TEST_CASE("an image that another engine could not make is made of this one's chunks") {
  TextLoader loader;
  TestHost host;
  REQUIRE(host->add_loader(loader.table()).ok());
  LoadOrder broken = text(1, "text"), whole = text(2, "text");
  for (LoadOrder* order : {&broken, &whole}) order->image.content = content::sha256("text");
  broken.image.read_chunk = [](std::uint32_t) -> Result<Buffer> { return Status(PINNATE_CORRUPT, "wrong digest"); };
  CHECK(host.load(std::move(broken)).code() == PINNATE_CORRUPT);
  CHECK(host.load(std::move(whole)).ok());
  CHECK(loader.mapped == "text");
}

namespace {

// Chunks of an artifact, of which one is held up until the test lets it go.
struct HeldUp {
  LoadOrder order(ServiceId id, const std::string& bytes) {
    LoadOrder order = text(id, bytes);
    order.artifact = content::sha256(bytes);
    order.image.content = order.artifact;
    order.image.read_chunk = [this, read = order.image.read_chunk, over = over](std::uint32_t i) {
      {
        const std::lock_guard lock(mutex);
        reads.push_back(i);
      }
      if (i == at) {
        inside.set_value();
        let_go.get_future().wait();
      }
      return read(i);
    };
    over.reset();
    return order;
  }
  std::vector<std::uint32_t> taken() {
    const std::lock_guard lock(mutex);
    return std::exchange(reads, {});
  }
  // Of service 1, once it is in the chunk that is held up.
  void give_up(TestHost& host) {
    inside.get_future().wait();
    host->abandon(1);
  }
  void let_it_go() {
    at = kNone;
    let_go.set_value();
    let_go_of.get_future().wait();
    taken();
  }

  static constexpr std::uint32_t kNone = 99;
  std::uint32_t at = 2;
  std::promise<void> inside, let_go, let_go_of;
  // The end of the first assembly.
  std::shared_ptr<void> over{this, [](void* self) { static_cast<HeldUp*>(self)->let_go_of.set_value(); }};
  std::mutex mutex;
  std::vector<std::uint32_t> reads;
};

}  // namespace

TEST_CASE("an assembly that is given up stops at the next chunk, and the next one goes on there") {
  for (const bool private_files : {false, true}) {
    CAPTURE(private_files);
    const std::string bytes = std::string(kChunkBytes, 'a') + std::string(kChunkBytes, 'b') +
                              std::string(kChunkBytes, 'c') + std::string(kChunkBytes, 'd') + "tail";
    TextLoader loader;
    ServiceHostOptions options;
    options.private_files = private_files;
    HeldUp held;
    TestHost host(options);
    REQUIRE(host->add_loader(loader.table()).ok());
    Promised never;
    host->assemble(held.order(1, bytes), never.done());
    held.give_up(host);
    held.let_it_go();
    REQUIRE(host.load(held.order(2, bytes)).ok());
    CHECK(held.taken() == std::vector<std::uint32_t>{3, 4});
    CHECK(loader.mapped == bytes);
    CHECK(loader.by_path == bytes);
    CHECK(never.times() == 0);
  }
}

TEST_CASE("what was assembled of an artifact that is dropped meanwhile is not kept") {
  const std::string bytes(3 * kChunkBytes + 1, 'x');
  TextLoader loader;
  HeldUp held;
  TestHost host;
  REQUIRE(host->add_loader(loader.table()).ok());
  Promised never;
  host->assemble(held.order(1, bytes), never.done());
  held.give_up(host);
  host->drop_artifact(content::sha256(bytes));
  held.let_it_go();
  REQUIRE(host.load(held.order(2, bytes)).ok());
  CHECK(held.taken() == std::vector<std::uint32_t>{0, 1, 2, 3});
}

TEST_CASE("an assembly that waits for another engine's of the same bytes can be given up, and the engine goes on") {
  const std::string bytes(3 * kChunkBytes, 'x');
  TextLoader first, second;
  HeldUp held;
  TestHost one, two;
  REQUIRE(one->add_loader(first.table()).ok());
  REQUIRE(two->add_loader(second.table()).ok());
  Promised assembled, never;
  one->assemble(held.order(1, bytes), assembled.done());
  held.inside.get_future().wait();
  two->assemble(held.order(1, bytes), never.done());
  two->abandon(1);
  CHECK(two.load(held.order(2, "others")).ok());
  held.let_it_go();
  CHECK(assembled.get().status.ok());
  CHECK(never.times() == 0);
}

TEST_CASE("a service that is given up in no order is unloaded, and whoever gave it up is told") {
  TextLoader loader;
  TestHost host;
  REQUIRE(host->add_loader(loader.table()).ok());
  REQUIRE(host.load(text(1, "x")).ok());
  Promised gone;
  host->abandon(1, gone.done());
  CHECK(gone.get().status.ok());
  CHECK(loader.loaded == 0);
}

TEST_CASE("a load tells whether module or loader are one at a time") {
  TestHost host;
  const auto loaded = [&](LoadOrder order) {
    Promised p;
    host.load(std::move(order), p.done());
    const Outcome outcome = p.get();
    REQUIRE(outcome.status.ok());
    return outcome.one_at_a_time;
  };
  CHECK_FALSE(loaded(TestHost::order(1, test_module("misbehaving"))));
  CHECK(loaded(TestHost::order(2, test_module("misbehaving-lone"))));
  TextLoader text_loader;
  pinnate_loader table = text_loader.table();
  REQUIRE(host->add_loader(table).ok());
  CHECK_FALSE(loaded(text(3, "x")));
  table.flags |= PINNATE_ONE_AT_A_TIME;
  REQUIRE(host->add_loader(table).ok());
  CHECK(loaded(text(4, "x")));
  host.close();
}
