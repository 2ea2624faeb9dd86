// Promise 2: an engine never serves what is in no release it was given, and never acts on an older
// desired state after a newer one. What it may start is a function of one desired state, the newest
// that it has taken, and of its labels: the check works that out by itself. A service that made way
// may serve again, where the one that was to take its place has not; or nothing does. A tier never
// passes on bytes that it should have found to be wrong.
#include "sim/chunk_verifier.h"
#include "simulator/check.h"
#include "simulator/users.h"

#include <optional>
#include <set>
#include <utility>

namespace pinnate::simulator {
namespace {

class OnlyWhatWasPublished final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    if (const auto* chunk = sight.sent<wire::ChunkBytes>()) return passes_on(sight, *chunk);
    if (!sight.member || sight.member->kind != Member::Kind::engine) return;
    Engine& engine = engines_[sight.member->host];
    if (sight.o.what == sim::What::started) return begins(*sight.member, engine);
    if (sight.member->durable && sight.o.what == sim::What::completed) return wrote(*sight.member, engine);
    if (const auto* page = sight.received<wire::Desired>()) return given(*sight.member, engine, *page);
    if (const auto* welcome = sight.received<wire::Welcome>()) engine.inherited = welcome->inherited;
    if (const auto* context = sight.received<wire::Context>()) engine.inherited = context->inherited;
    if (sight.o.what == sim::What::activated) activates(*sight.member, engine, std::string(sight.o.words));
    if (sight.o.what == sim::What::deactivated) withdraws(*sight.member, engine, std::string(sight.o.words));
  }

 private:
  struct Engine {
    std::optional<Place> at;  // the newest desired state that it has taken: in memory, or on its disk if it has one
    std::set<Place> given;  // whole, on any link
    Labels inherited;
    std::optional<sim::Serving> lone;  // what last took the calls of the function that is one at a time
    Place target;  // of the pages under way
    std::uint32_t next_page = 0;
    bool fits = false;
  };

  void begins(const Member& m, Engine& engine) {
    if (!m.durable) engine = {};
    engine.next_page = 0;
    engine.inherited.clear();
    engine.lone.reset();
    wrote(m, engine);
    const auto& records = s_.world.at(m.host).disk().image().records;
    const auto found = records.find("context");
    if (found == records.end()) return;
    auto context = wire::decode(found->second);
    if (context.ok() && *context && std::holds_alternative<wire::Context>(**context))
      engine.inherited = std::get<wire::Context>(**context).inherited;
  }

  void wrote(const Member& m, Engine& engine) {
    const auto now = place_on(s_.world.at(m.host).disk().image());
    if (!now || now == engine.at) return;
    if (engine.at && *now < *engine.at)
      complain_(
          2, m.name + " had " + in_words(*engine.at) + " on its disk and puts the older " + in_words(*now) + " there");
    engine.at = now;
  }

  void given(const Member& m, Engine& engine, const wire::Desired& page) {
    const Place target{page.position.epoch, page.position.revision};
    if (page.page == 0) {
      engine.target = target;
      engine.next_page = 0;
      engine.fits = page.base_revision == 0 || engine.at == Place{page.base_epoch, page.base_revision};
    }
    if (page.page != engine.next_page || target != engine.target) {
      engine.fits = false;
      return;
    }
    ++engine.next_page;
    if (!page.last) return;
    engine.given.insert(target);
    if (!m.durable && engine.fits && (!engine.at || *engine.at < target)) engine.at = target;
  }

  void activates(const Member& m, Engine& engine, const std::string& function) {
    const sim::Serving* now = s_.world.at(m.host).modules()->serving(function);
    if (!now) return;
    if (function == function_name(kOneAtATime)) {
      const auto before = std::exchange(engine.lone, *now);
      if (before && before->artifact == now->artifact && before->config == now->config) return;  // it made way
    }
    const std::string what = m.name + " starts to serve '" + function + "' with " + title(now->artifact);
    const auto states = engine.at ? s_.ledger.at(*engine.at) : std::vector<const DesiredSet*>();
    if (states.empty() || !engine.given.contains(*engine.at))
      return complain_(2, what + (engine.at ? ", by " + in_words(*engine.at) + ", which it was never given"
                                            : " and was given no desired state"));
    const Labels labels = labels_of(m, engine);
    std::string instead;
    for (const DesiredSet* state : states) {
      const content::Release* chosen = state->choose(function, labels);
      if (chosen && is(*chosen, *now)) return;
      instead = chosen ? "has release " + std::to_string(chosen->number) + ", " + chosen->name + "@" + chosen->version +
                             ", for it"
                       : "has no release that selects it";
    }
    complain_(2, what + ", while " + in_words(*engine.at) + " " + instead);
  }

  void withdraws(const Member& m, const Engine& engine, const std::string& function) {
    if (function == function_name(kOneAtATime)) return;  // or what made way cannot be brought back
    const auto states = engine.at ? s_.ledger.at(*engine.at) : std::vector<const DesiredSet*>();
    const Labels labels = labels_of(m, engine);
    for (const DesiredSet* state : states)
      if (!state->choose(function, labels)) return;
    complain_(
        2, m.name + " withdraws '" + function + "', " +
               (states.empty() ? "and was given no desired state" : "which " + in_words(*engine.at) + " has for it"));
  }

  static Labels labels_of(const Member& m, const Engine& engine) {
    Labels labels = m.labels;
    labels.insert(engine.inherited.begin(), engine.inherited.end());
    return labels;
  }

  bool is(const content::Release& release, const sim::Serving& serving) const {
    const sim::Shelf::Book* book = s_.world.book(release.manifest);
    const content::ArtifactEntry* artifact = book ? book->manifest.artifact_for("linux-x86_64") : nullptr;
    return artifact && artifact->digest == serving.artifact && release.config == serving.config;
  }

  void passes_on(const Sight& sight, const wire::ChunkBytes& chunk) {
    // The world changed a bit of this very message, if it has changed one since the message before.
    const std::uint64_t flips = s_.world.flips(sight.o.host).done;
    const bool flipped = std::exchange(flips_[sight.o.host], flips) != flips;
    if (chunk.code != PINNATE_OK) return;
    const sim::Shelf::Book* book = s_.world.book(chunk.manifest);
    if (!book || chunk.artifact >= book->manifest.artifacts.size()) return;
    const content::ArtifactEntry& artifact = book->manifest.artifacts[chunk.artifact];
    if (chunk.index >= artifact.chunks.size()) return;
    if (verifier_.verify(chunk.encoded, artifact.chunk_bytes(chunk.index), artifact.chunks[chunk.index])) return;
    if (flipped) return;
    complain_(2, name_of(sight.o.host) + " passes on chunk " + std::to_string(chunk.index) + " of " +
                     title(artifact.digest) + ", which is not what the manifest says");
  }

  std::string title(const Digest& artifact) const {
    const std::string title = s_.world.title_of(artifact);
    return title.empty() ? "bytes that nobody published" : title;
  }

  sim::ChunkVerifier verifier_;
  std::map<sim::MachineId, Engine> engines_;
  std::map<sim::MachineId, std::uint64_t> flips_;  // of the chunks that a host sent so far
};

}  // namespace

std::unique_ptr<Check> make_only_what_was_published(Situation& s, Check::Complain complain) {
  return std::make_unique<OnlyWhatWasPublished>(s, std::move(complain));
}

}  // namespace pinnate::simulator
