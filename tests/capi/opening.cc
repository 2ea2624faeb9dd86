// Opening a handle, as far as it concerns the others of the process.
#include "capi/handle.h"
#include "runtime/scripted_tier.h"

#include <doctest/doctest.h>

#include <future>

using namespace pinnate;

namespace {

// A large folder: it has been read once the loop has done something meanwhile.
class LargeStore : public store::Store {
 public:
  Result<Restored> restore() override {
    std::promise<void> went_on;
    auto seen = went_on.get_future();
    runtime::Reactor::attach(nullptr)->post([&went_on] { went_on.set_value(); });
    if (seen.wait_for(std::chrono::seconds(20)) == std::future_status::ready) return Restored{};
    std::fputs("the loop that all handles share stands still\n", stderr);
    std::abort();  // what was posted is still to run, and would find nothing here
  }
  Status commit(const std::vector<RecordWrite>&) override { return {}; }
  Result<Buffer> read_chunk(const Digest&, std::uint32_t) override { return {PINNATE_NOT_FOUND, ""}; }
  Status write_chunk(const Digest&, std::uint32_t, const Buffer&) override { return {}; }
  Status sync_artifact(const Digest&) override { return {}; }
  Status drop_artifact(const Digest&) override { return {}; }
};

}  // namespace

TEST_CASE("a folder is read, and its tier started, while the loop that all handles share goes on") {
  ScriptedTier::Diary diary;
  std::thread::id started_on;
  diary.on_start = [&](ScriptedTier&) { started_on = std::this_thread::get_id(); };
  auto handle = std::make_unique<capi::Handle>("gateway");
  runtime::NodeParts parts;
  parts.store = std::make_unique<LargeStore>();
  parts.tier = std::make_unique<ScriptedTier>(diary);
  REQUIRE(handle->open(capi::TierSetup{}, std::move(parts)).ok());
  CHECK(started_on == std::this_thread::get_id());
  REQUIRE(handle->close_wait().ok());
  handle.release()->give_up();
}
