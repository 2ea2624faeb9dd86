// Promise 3: when a publish or an unpublish is answered with success, the decision is on the
// controller's disk, with every artifact synced, as a loss of power at that very moment would leave
// it; it is still there in every later life. Nothing goes downstream before.
#include "simulator/check.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace pinnate::simulator {
namespace {

class AcknowledgedIsKept final : public Check {
 public:
  using Check::Check;

  void look(const Sight& sight) override {
    if (!sight.member || sight.member->kind != Member::Kind::controller) return;
    if (sight.o.what == sim::What::started) return kept("after a restart");
    if (const auto* page = sight.sent<wire::Desired>()) {
      const Place place{page->position.epoch, page->position.revision};
      const auto on_disk = place_on(disk());
      if (!on_disk || *on_disk < place || s_.ledger.at(place).empty())
        complain_(3, "the controller sends " + in_words(place) + " downstream before it is on its disk");
    }
    if (const auto* published = sight.sent<wire::Published>(); published && published->code == PINNATE_OK)
      acknowledged(*published);
    const auto* done = sight.sent<wire::Done>();
    if (done && done->code == PINNATE_OK && sight.o.number == tier::kHostLink) withdrawn(*done);
  }

  void decided(const Ledger::Change& change) override {
    forget_what_a_copy_lost();
    for (const content::Release& release : change.added)
      if (withdrawn_.contains(release.number))
        complain_(3, "release " + std::to_string(release.number) + ", " + release.name + "@" + release.version +
                         ", was withdrawn, that was acknowledged, and it is current again on the controller's disk");
  }

  void at_rest() override {
    kept("in the end");
    const auto history = s_.world.ask<wire::Releases>(kController, wire::ListReleases{});
    for (const auto& [number, title] : acknowledged_) {
      const auto at = std::find_if(history.releases.begin(), history.releases.end(),
                                   [&](const auto& r) { return r.number == number; });
      if (at == history.releases.end() || at->name + "@" + at->version != title)
        complain_(3,
                  "release " + std::to_string(number) + ", " + title + ", was acknowledged and is not in the history");
    }
    for (const auto& row : history.releases)
      if (row.current && withdrawn_.contains(row.number))
        complain_(3, "release " + std::to_string(row.number) + ", " + row.name + "@" + row.version +
                         ", was withdrawn, that was acknowledged, and the history says that it is current");
  }

 private:
  const sim::DiskImage& disk() const { return s_.world.at(kController).disk().image(); }

  void acknowledged(const wire::Published& published) {
    const std::string which = "release " + std::to_string(published.release);
    const auto found = s_.ledger.current().releases.find(published.release);
    if (published.created && found == s_.ledger.current().releases.end() && recorded(published.release).empty())
      return complain_(3, which + " is acknowledged and is not on the controller's disk");
    if (found == s_.ledger.current().releases.end()) return;  // superseded already
    const content::Release& release = found->second;
    forget_what_a_copy_lost();
    acknowledged_[published.release] = release.name + "@" + release.version;
    fetchable(which + " is acknowledged while", release);
  }

  // Numbers are not given again, so what was withdrawn stays so; what is published again has a
  // number of its own.
  void withdrawn(const wire::Done& done) {
    forget_what_a_copy_lost();
    const sim::Machine& controller = s_.world.at(kController);
    const auto order = std::find_if(s_.orders.rbegin(), s_.orders.rend(), [&](const Order& o) {
      return o.kind == Order::Kind::unpublish && o.host == controller.id() && o.life == controller.lives() &&
             o.id == done.id;
    });
    if (order == s_.orders.rend()) return;
    for (const std::uint64_t number : order->withdraws) {
      if (s_.ledger.current().releases.contains(number))
        complain_(3, "it is acknowledged that release " + std::to_string(number) + " of '" + order->function +
                         "' is withdrawn, and on the controller's disk it is current");
      withdrawn_.insert(number);
    }
  }

  void fetchable(const std::string& which, const content::Release& release) {
    const sim::Shelf::Book* book = s_.world.book(release.manifest);
    if (!book) return complain_(3, which + " it names a manifest that nobody made");
    if (!disk().records.contains("manifest/" + release.manifest.hex()))
      complain_(3, which + " its manifest is not on the controller's disk");
    for (const content::ArtifactEntry& artifact : book->manifest.artifacts) whole(which, artifact);
  }

  void whole(const std::string& which, const content::ArtifactEntry& artifact) {
    const auto at = std::find_if(disk().artifacts.begin(), disk().artifacts.end(),
                                 [&](const auto& a) { return a.digest == artifact.digest; });
    for (std::uint32_t i = 0; i < artifact.chunks.size(); ++i) {
      const auto* chunks = at == disk().artifacts.end() ? nullptr : &at->chunks;
      const auto chunk = chunks
                             ? std::find_if(chunks->begin(), chunks->end(), [i](const auto& c) { return c.index == i; })
                             : decltype(at->chunks.begin())();
      if (!chunks || chunk == chunks->end())
        return complain_(3, which + " chunk " + std::to_string(i) + " is not on the controller's disk");
      if (!chunk->synced) return complain_(3, which + " chunk " + std::to_string(i) + " is not synced to disk");
    }
  }

  // The release that the controller's history has under this number; "": none.
  std::string recorded(std::uint64_t number) const {
    char key[48];
    std::snprintf(key, sizeof key, "history/%020llu", static_cast<unsigned long long>(number));
    const auto found = disk().records.find(key);
    if (found == disk().records.end()) return "";
    const auto message = wire::decode(found->second);
    const auto* history = message.ok() && *message ? std::get_if<wire::Releases>(&**message) : nullptr;
    if (!history || history->releases.size() != 1) return "";
    return history->releases[0].name + "@" + history->releases[0].version;
  }

  void forget_what_a_copy_lost() {
    if (s_.ledger.backups_put_back() == backups_) return;
    backups_ = s_.ledger.backups_put_back();
    std::erase_if(acknowledged_, [&](const auto& entry) { return recorded(entry.first) != entry.second; });
    std::erase_if(withdrawn_, [&](std::uint64_t number) {
      return recorded(number).empty() || s_.ledger.current().releases.contains(number);
    });
  }

  void kept(const std::string& when) {
    forget_what_a_copy_lost();
    for (const auto& [number, title] : acknowledged_)
      if (recorded(number) != title)
        complain_(3, "release " + std::to_string(number) + ", " + title +
                         ", was acknowledged and is not on the controller's disk " + when);
    for (const auto& [number, release] : s_.ledger.current().releases)
      if (acknowledged_.contains(number))
        fetchable("release " + std::to_string(number) + " was acknowledged, is current " + when + ", and", release);
  }

  // What a copy that was put back does not hold is exempt.
  std::map<std::uint64_t, std::string> acknowledged_;
  std::set<std::uint64_t> withdrawn_;
  std::uint32_t backups_ = 0;
};

}  // namespace

std::unique_ptr<Check> make_acknowledged_is_kept(Situation& s, Check::Complain complain) {
  return std::make_unique<AcknowledgedIsKept>(s, std::move(complain));
}

}  // namespace pinnate::simulator
