// Bringing copies of the desired state up to date, page by page.
#include "driven.h"

#include "base/limits.h"
#include "content/release.h"
#include "content/sha256.h"
#include "tier/replicator.h"

#include <malloc.h>

using namespace pinnate;

namespace {

tier::DesiredState::Entry entry(std::uint64_t number, std::size_t config_bytes, const std::string& manifest = {}) {
  content::Release release;
  release.number = number;
  release.epoch = 1;
  release.name = "f" + std::to_string(number);
  release.version = "1";
  release.manifest = content::sha256(manifest);
  release.config = Buffer(std::string(config_bytes, 'c'));
  auto made = tier::DesiredState::make_entry(content::encode_release(release));
  REQUIRE(made.ok());
  return *made;
}

std::size_t heap_bytes() {  // 0 where a sanitizer has replaced the heap
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The upper end of many links, of which the test is the lower ends.
struct Upper {
  Upper() {
    options.id = "upper";
    options.incarnation = 1;
  }
  // One more release, and one less at every tenth.
  void publish() {
    const std::uint64_t number = state.position().revision + 1;
    std::vector<std::uint64_t> withdrawn;
    if (number % 10 == 0) withdrawn.push_back(number - 5);
    state.decide(1, number, withdrawn, {entry(number, 60000)});
    replicator.state_changed();
    states.push_back(state);
  }
  void begin(tier::Session* session, tier::LinkId link, const wire::Position& from) {
    session->link = link;
    session->peer.position = from;
    replicator.link_up(*session);
  }
  // Passes on pages of one link until there are no more.
  void finish(tier::Session& session, tier::DesiredState* copy, std::size_t most = ~std::size_t{0}) {
    for (; most > 0; --most) {
      std::optional<wire::Desired> page;
      for (const tier::Action& action : std::exchange(actions, {}))
        if (const auto* send = std::get_if<tier::Send>(&action); send && send->link == session.link)
          if (auto decoded = wire::decode(send->message); decoded.ok() && decoded->has_value())
            if (auto* desired = std::get_if<wire::Desired>(&**decoded)) page = *desired;
      if (!page) return;
      wire::Confirm confirm;
      receiver.take(*page, copy, &confirm);
      replicator.confirmed(session, confirm);
    }
  }

  std::vector<tier::Action> actions;
  tier::TierOptions options;
  tier::Core core{options, &actions};
  tier::Links links{&core, wire::Role::controller};
  tier::DesiredState state;
  tier::Manifests manifests;
  tier::Replicator replicator{&core, &links, &state, &manifests};
  tier::StateReceiver receiver;
  std::vector<tier::DesiredState> states{tier::DesiredState()};  // by revision
};

}  // namespace

TEST_CASE("links that lack different parts of a large state cost little, however many there are") {
  Upper upper;
  for (int i = 0; i < 110; ++i) upper.publish();
  const std::size_t before = heap_bytes();
  std::vector<tier::Session> sessions(110);
  for (std::size_t revision = 0; revision < 110; ++revision) {
    upper.begin(&sessions[revision], tier::LinkId(2 + 2 * revision), upper.states[revision].position());
    upper.actions.clear();  // sent
  }
  CHECK(heap_bytes() < before + 16 * 1024 * 1024);
}

TEST_CASE("a copy at any revision is brought to the present one, also while that moves on") {
  Upper upper;
  for (int i = 0; i < 30; ++i) upper.publish();
  for (std::size_t revision = 0; revision < 30; ++revision) {
    CAPTURE(revision);
    tier::Session session;
    tier::DesiredState copy = upper.states[revision];
    upper.actions.clear();
    upper.begin(&session, tier::LinkId(2 + 2 * revision), copy.position());
    if (revision == 3 || revision == 17) {
      upper.finish(session, &copy, 2);
      const auto pages = std::exchange(upper.actions, {});
      upper.publish();
      upper.actions = pages;
    }
    upper.finish(session, &copy);
    CHECK(copy.position() == upper.state.position());
    CHECK(copy.releases().size() == upper.state.releases().size());
    upper.replicator.link_down(session.link);
  }
}

TEST_CASE("a peer that declined a state and has it later is sent what has been decided meanwhile") {
  Upper upper;
  upper.publish();
  tier::Session session;
  tier::DesiredState copy;
  upper.begin(&session, 2, {});
  upper.publish();
  const wire::Position first = upper.states[1].position();
  upper.replicator.confirmed(session, {{}, 0, false, first});  // it could not write revision 1
  upper.actions.clear();
  upper.replicator.confirmed(session, {first, 0, false, first});  // now it could
  copy = upper.states[1];
  upper.finish(session, &copy);
  CHECK(copy.position() == upper.state.position());
  upper.replicator.link_down(session.link);
}

TEST_CASE("a set of records within the limit is taken, whatever its small manifests come to") {
  constexpr std::size_t kReleases = 1010;
  tier::DesiredState state, copy;
  tier::StateReceiver receiver;
  std::vector<wire::Desired> pages;
  std::size_t records = 0;
  for (std::uint64_t number = 1; number <= kReleases; ++number) {
    const std::string manifest(1600, 'm');
    const tier::DesiredState::Entry added = entry(number, kConfigLimitBytes, manifest);
    records += added.record.size();
    state.decide(1, number, {}, {added});
    wire::Desired page;
    page.page = std::uint32_t(number - 1);
    page.last = number == kReleases;
    page.releases.push_back({added.record, Buffer(manifest)});
    pages.push_back(std::move(page));
  }
  REQUIRE(records < tier::kStateLimitBytes);
  REQUIRE(records + kReleases * 1600 > tier::kStateLimitBytes);
  bool taken = false;
  for (wire::Desired& page : pages) {
    page.position = state.position();
    wire::Confirm confirm;
    taken = receiver.take(page, &copy, &confirm);
    REQUIRE_FALSE(confirm.whole);
  }
  CHECK(taken);
  CHECK(copy.position() == state.position());
  CHECK(receiver.take_manifests().size() == kReleases);
}

TEST_CASE("pages of withdrawals alone, or of manifests that should be asked for, come to an end") {
  wire::Desired withdrawals;
  for (std::uint64_t number = 1; number <= 3000; ++number) withdrawals.withdrawn.push_back(number);
  wire::Desired manifests;
  const std::string large(kManifestLimitBytes, 'm');
  manifests.releases.push_back({entry(1, 10, large).record, Buffer(large)});
  for (wire::Desired page : {withdrawals, manifests}) {
    page.position.epoch = page.position.revision = 1;
    page.last = false;
    tier::DesiredState copy;
    tier::StateReceiver receiver;
    wire::Confirm confirm;
    int pages = 0;
    for (; pages < 100 && !confirm.whole; ++pages) {
      page.page = std::uint32_t(pages);
      receiver.take(page, &copy, &confirm);
    }
    CHECK(pages <= 65);
    CHECK(receiver.trouble().code() == PINNATE_TOO_LARGE);
  }
}

TEST_CASE("a page with another manifest than its release names is not taken, and why is said") {
  const std::string manifest = "named by the release";
  const tier::DesiredState::Entry added = entry(1, 10, manifest);
  tier::DesiredState state;
  state.decide(1, 1, {}, {added});
  for (const bool other : {true, false}) {
    wire::Desired page;
    page.position = state.position();
    page.last = true;
    page.releases.push_back({added.record, Buffer(other ? "another" : manifest)});
    tier::DesiredState copy;
    tier::StateReceiver receiver;
    wire::Confirm confirm;
    CHECK(receiver.take(page, &copy, &confirm) != other);
    CHECK(confirm.whole == other);
    CHECK(receiver.trouble().ok() != other);
    CHECK((receiver.trouble().message() == "release 1 came with another manifest than it names") == other);
    CHECK(receiver.take_manifests().size() == (other ? 0 : 1));
  }
}

TEST_CASE("a peer that lives and answers no page is refused in words after five minutes, one that answers is not") {
  Restored disk;
  tier::DesiredState state;
  state.decide(1, 1, {}, {entry(1, 10)});
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;
  Driven d(disk);
  const tier::LinkId silent = d.link("silent"), good = d.link("good");
  d.say(good, wire::Confirm{state.position(), 0, false, state.position()});
  for (int seconds = 0; seconds < 310; ++seconds) {
    CHECK(d.dropped.contains(silent) == (seconds >= 300));
    d.controller->link_heard(d.now, silent);
    d.controller->link_heard(d.now, good);
    d.advance(1000);
  }
  CHECK(d.dropped[silent].message() == "a page of the desired state was not answered within 300 s");
  CHECK_FALSE(d.dropped.contains(good));
}
