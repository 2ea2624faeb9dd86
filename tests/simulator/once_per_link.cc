// Promise 7: a chunk crosses a link once. It is asked for once at a time, sent once for each
// asking, and not asked for by a tier that holds it in good order.
#include "sim/chunk_verifier.h"
#include "simulator/check.h"

#include <tuple>

namespace pinnate::simulator {
namespace {

class OncePerLink final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    if (sight.o.what == sim::What::started)
      s_.excuses.disk_misbehaved[sight.o.host] = s_.world.at(sight.o.host).disk().will_misbehave();
    if (sight.o.what == sim::What::started || sight.o.what == sim::What::ended)
      return forget([&](const Key& key) { return std::get<0>(key) == sight.o.host; });
    if (sight.o.what == sim::What::link_closed)
      return forget(
          [&](const Key& key) { return std::get<0>(key) == sight.o.host && std::get<1>(key) == sight.o.number; });
    if (sight.o.number == tier::kHostLink) return;
    if (const auto* want = sight.sent<wire::WantChunk>()) return asks(sight, *want);
    if (const auto* chunk = sight.received<wire::ChunkBytes>()) asked_.erase(key_of(sight, *chunk));
    if (const auto* want = sight.received<wire::WantChunk>()) ++wanted_[key_of(sight, *want)];
    if (const auto* chunk = sight.sent<wire::ChunkBytes>()) sends(sight, *chunk);
  }

 private:
  using Key = std::tuple<sim::MachineId, std::uint64_t, Digest, std::uint32_t, std::uint32_t>;  // host, its link, chunk
  template <class M>
  static Key key_of(const Sight& sight, const M& m) {
    return {sight.o.host, sight.o.number, m.manifest, m.artifact, m.index};
  }
  template <class F>
  void forget(F&& which) {
    std::erase_if(asked_, [&](const auto& entry) { return which(entry.first); });
    std::erase_if(wanted_, [&](const auto& entry) { return which(entry.first); });
  }

  void asks(const Sight& sight, const wire::WantChunk& want) {
    const std::string what = name_of(sight.o.host) + " asks for chunk " + std::to_string(want.index) + " of manifest " +
                             want.manifest.hex().substr(0, 8);
    if (++asked_[key_of(sight, want)] > 1)
      return complain_(7, what + " again before it was answered, on the same link");
    // A tier that was misled by its own disk has lost the chunk as far as it can know.
    if (s_.excuses.disk_misbehaved[sight.o.host]) return;
    const sim::Shelf::Book* book = s_.world.book(want.manifest);
    if (!book || want.artifact >= book->manifest.artifacts.size()) return;
    const sim::Disk& disk = s_.world.at(sight.o.host).disk();
    const Digest& artifact = book->manifest.artifacts[want.artifact].digest;
    if (s_.excuses.damaged_chunks.contains({sight.o.host, artifact, want.index})) return;
    if (disk.chunk(artifact, want.index) && !disk.dropping(artifact))
      complain_(7, what + ", which is on its disk in good order");
  }

  void sends(const Sight& sight, const wire::ChunkBytes& chunk) {
    auto wanted = wanted_.find(key_of(sight, chunk));
    if (wanted != wanted_.end() && wanted->second > 0) {
      if (--wanted->second == 0) wanted_.erase(wanted);
      return;
    }
    complain_(7, name_of(sight.o.host) + " sends chunk " + std::to_string(chunk.index) + " of manifest " +
                     chunk.manifest.hex().substr(0, 8) + " to " +
                     (sight.peer == sim::kNoMachine ? "a peer" : name_of(sight.peer)) + ", which has not asked for it");
  }

  std::map<Key, std::uint32_t> asked_, wanted_;
};

}  // namespace

std::unique_ptr<Check> make_once_per_link(Situation& s, Check::Complain complain) {
  return std::make_unique<OncePerLink>(s, std::move(complain));
}

}  // namespace pinnate::simulator
