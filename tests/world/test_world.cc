#include "world/test_world.h"

#include "world/message_type.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {

TestWorld::TestWorld(const WorldOptions& options) : World(options) {
  observer = [this](const Occurrence& o) { trace_.note(o); };
  alter_sent = [this](MachineId sender, Buffer* message) { flip(sender, message); };
  network().on_message = [this](MachineId from, MachineId to, const Buffer& message) {
    traffic_.count(from, to, message);
  };
  modules().on_run = [this](MachineId engine, const Buffer& payload, bool ended) {
    Runs& runs = runs_[payload.str()];
    ++(ended ? runs.ended : runs.begun);
    if (!ended) runs.last = engine;
  };
}

void TestWorld::dial_down(std::string_view upper, const std::string& lower) {
  at(upper).keep_link(tier::Side::downstream, lower);
}

// ---- faults -------------------------------------------------------------------------------------------------------

void TestWorld::crash(std::string_view tier, Machine::Crash how) {
  fault(tier, how == Machine::Crash::kill ? "is killed" : "loses power");
  at(tier).crash(how);
}

void TestWorld::restart(std::string_view tier) {
  Machine& host = at(tier);
  if (host.up()) crash(tier);
  fault(tier, "starts again");
  host.start();
}

void TestWorld::close(std::string_view tier) {
  fault(tier, "is told to close");
  at(tier).close();
}

void TestWorld::cut(std::string_view a, std::string_view b) {
  fault(a, "its link to " + std::string(b) + " is cut");
  network().cut(at(a).id(), at(b).id());
}

void TestWorld::cut_after(std::string_view from, std::string_view to, std::uint64_t bytes) {
  fault(from, "its link to " + std::string(to) + " will be cut after " + std::to_string(bytes) + " bytes");
  network().cut_after(at(from).id(), at(to).id(), bytes);
}

void TestWorld::half_open(std::string_view believer, std::string_view other) {
  fault(believer, "alone believes in its link to " + std::string(other));
  network().half_open(at(believer).id(), at(other).id());
}

void TestWorld::stall(std::string_view from, std::string_view to, bool on) {
  fault(from, (on ? "is not heard any more by " : "is heard again by ") + std::string(to));
  network().stall(at(from).id(), at(to).id(), on);
}

void TestWorld::limit(std::string_view from, std::string_view to, std::uint64_t bytes_per_second) {
  fault(from, "sends to " + std::string(to) + " at " + std::to_string(bytes_per_second) + " bytes a second");
  network().limit(at(from).id(), at(to).id(), bytes_per_second);
}

void TestWorld::partition(const std::vector<std::string>& island) {
  std::vector<MachineId> ids;
  for (const std::string& tier : island) {
    fault(tier, "is on an island");
    ids.push_back(at(tier).id());
  }
  network().partition(ids);
}

void TestWorld::heal() {
  note_fault("the network is whole again");
  network().heal();
}

void TestWorld::disk_full(std::string_view tier, bool on) {
  fault(tier, on ? "its disk is full" : "its disk has room again");
  at(tier).disk().set_full(on);
}

void TestWorld::fail_orders(std::string_view tier, std::uint32_t count) {
  fault(tier, "its next " + std::to_string(count) + " disk orders fail");
  at(tier).disk().fail_next(count, PINNATE_IO);
}

void TestWorld::delay_orders(std::string_view tier, std::uint32_t count, std::int64_t by_ms) {
  fault(tier, "its next " + std::to_string(count) + " disk orders come " + std::to_string(by_ms) + " ms late");
  at(tier).disk().delay_next(count, by_ms * kMillisecond);
}

void TestWorld::deliver_strays(std::string_view tier) {
  fault(tier, "gets completions of the life before");
  at(tier).deliver_strays(true);
}

void TestWorld::conduct(const Digest& artifact, Step step, const Conduct& conduct, MachineId engine) {
  std::string words = title_of(artifact) + ": " + name_of(step) + " " + name_of(conduct.fate);
  if (conduct.takes >= 0) words += ", after " + std::to_string(conduct.takes / kMillisecond) + " ms";
  if (conduct.first_times > 0) words += ", the first " + std::to_string(conduct.first_times) + " times";
  note_fault(engine, words);
  modules().behave(artifact, step, conduct, engine);
}

bool TestWorld::corrupt_chunk(std::string_view tier, const Digest& artifact, std::uint32_t index, Damage damage) {
  fault(tier, "chunk " + std::to_string(index) + " is damaged on its disk");
  DiskImage image = at(tier).disk().image();
  for (DiskImage::Artifact& held : image.artifacts) {
    if (held.digest != artifact) continue;
    const auto chunk =
        std::find_if(held.chunks.begin(), held.chunks.end(), [&](const auto& c) { return c.index == index; });
    if (chunk == held.chunks.end()) return false;
    std::string bytes = chunk->encoded.str();
    if (damage == Damage::gone)
      held.chunks.erase(chunk);
    else if (damage == Damage::cut_short)
      bytes.resize(random().below(bytes.size()));
    else
      bytes[bytes.size() / 2] ^= char(1 << random().below(8));
    if (damage != Damage::gone) {
      chunk->encoded = Buffer(std::move(bytes));
      chunk->damaged = damage != Damage::forged;
    }
    at(tier).disk().put_back(std::move(image));
    return true;
  }
  return false;
}

void TestWorld::flip_sent_chunks(std::string_view tier, std::uint32_t count) {
  fault(tier, "sends " + std::to_string(count) + " corrupt chunks");
  flips(at(tier).id()).left = count;
}

// As a peer with bad memory would send it: framed well, and wrong inside.
void TestWorld::flip(MachineId sender, Buffer* message) {
  const auto flips = flips_.find(sender);
  if (flips == flips_.end() || flips->second.left == 0 || message_type(message->view()) != kChunkBytesType) return;
  auto decoded = wire::decode(*message);
  if (!decoded.ok() || !*decoded) return;
  auto* chunk = std::get_if<wire::ChunkBytes>(&**decoded);
  if (!chunk || chunk->encoded.empty()) return;
  --flips->second.left;
  ++flips->second.done;
  std::string bytes = chunk->encoded.str();
  bytes[bytes.size() / 2] ^= char(1 << random().below(8));
  chunk->encoded = Buffer(std::move(bytes));
  *message = wire::encode(**decoded);
}

void TestWorld::clock_jump(std::string_view tier, std::int64_t by_ms) {
  fault(tier, "its clock jumps by " + std::to_string(by_ms) + " ms");
  at(tier).jump_clock(by_ms);
}

void TestWorld::restore_backup(std::string_view tier, DiskImage image) {
  fault(tier, "gets an old disk");
  at(tier).disk().put_back(std::move(image));
}

void TestWorld::move_address(const std::string& address, std::string_view tier) {
  fault(tier, "takes the address " + address);
  network().listen(at(tier).id(), address);
}

// ---- the truth ----------------------------------------------------------------------------------------------------

const Serving* TestWorld::serving(std::string_view engine, std::string_view function) const {
  return at(engine).serving(function);
}

std::string TestWorld::version_on(std::string_view engine, std::string_view function) const {
  const Serving* now = serving(engine, function);
  return now ? now->version : std::string();
}

std::vector<MachineId> TestWorld::live_engines() const {
  std::vector<MachineId> live;
  for (MachineId id = 0; id < size(); ++id)
    if (at(id).up() && at(id).options().has_modules) live.push_back(id);
  return live;
}

const Shelf::Book* TestWorld::book(const Digest& manifest) {
  const auto found = shelf().books().find(manifest);
  return found == shelf().books().end() ? nullptr : &found->second;
}

std::string TestWorld::title_of(const Digest& artifact) {
  for (const auto& [digest, book] : shelf().books())
    for (const auto& entry : book.manifest.artifacts)
      if (entry.digest == artifact) return book.manifest.name + "@" + book.manifest.version;
  return {};
}

TestWorld::Runs TestWorld::runs(const std::string& payload) const {
  const auto found = runs_.find(payload);
  return found == runs_.end() ? Runs{} : found->second;
}

}  // namespace pinnate::sim
