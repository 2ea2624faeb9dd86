// What can be done to a world. Each fault is an occurrence in its trace.
#include "sim/world.h"

#include <utility>

namespace pinnate::sim {

void World::fault(std::string_view tier, const std::string& words) {
  trace_.note({queue_.now(), at(tier).id(), What::fault, 0, PINNATE_OK, words, {}});
}

void World::note_fault(std::string_view words) {
  trace_.note({queue_.now(), kNoHost, What::fault, 0, PINNATE_OK, words, {}});
}

void World::crash(std::string_view tier, Host::Crash how) {
  fault(tier, how == Host::Crash::kill ? "is killed" : "loses power");
  at(tier).crash(how);
}

void World::restart(std::string_view tier) {
  Host& host = at(tier);
  if (host.up()) crash(tier);
  fault(tier, "starts again");
  host.start();
}

void World::close(std::string_view tier) {
  fault(tier, "is told to close");
  at(tier).close();
}

void World::cut(std::string_view a, std::string_view b) {
  fault(a, "its link to " + std::string(b) + " is cut");
  network_.cut(at(a).id(), at(b).id());
}

void World::cut_after(std::string_view from, std::string_view to, std::uint64_t bytes) {
  fault(from, "its link to " + std::string(to) + " will be cut after " + std::to_string(bytes) + " bytes");
  network_.cut_after(at(from).id(), at(to).id(), bytes);
}

void World::half_open(std::string_view believer, std::string_view other) {
  fault(believer, "alone believes in its link to " + std::string(other));
  network_.half_open(at(believer).id(), at(other).id());
}

void World::stall(std::string_view from, std::string_view to, bool on) {
  fault(from, (on ? "is not heard any more by " : "is heard again by ") + std::string(to));
  network_.stall(at(from).id(), at(to).id(), on);
}

void World::limit(std::string_view from, std::string_view to, std::uint64_t bytes_per_second) {
  fault(from, "sends to " + std::string(to) + " at " + std::to_string(bytes_per_second) + " bytes a second");
  network_.limit(at(from).id(), at(to).id(), bytes_per_second);
}

void World::partition(const std::vector<std::string>& island) {
  std::vector<HostId> ids;
  for (const std::string& tier : island) {
    fault(tier, "is on an island");
    ids.push_back(at(tier).id());
  }
  network_.partition(ids);
}

void World::heal() {
  note_fault("the network is whole again");
  network_.heal();
}

void World::disk_full(std::string_view tier, bool on) {
  fault(tier, on ? "its disk is full" : "its disk has room again");
  at(tier).disk().set_full(on);
}

void World::fail_orders(std::string_view tier, std::uint32_t count) {
  fault(tier, "its next " + std::to_string(count) + " disk orders fail");
  at(tier).disk().fail_next(count, PINNATE_IO);
}

void World::delay_orders(std::string_view tier, std::uint32_t count, std::int64_t by_ms) {
  fault(tier, "its next " + std::to_string(count) + " disk orders come " + std::to_string(by_ms) + " ms late");
  at(tier).disk().delay_next(count, by_ms * kMillisecond);
}

void World::deliver_strays(std::string_view tier) {
  fault(tier, "gets completions of the life before");
  at(tier).deliver_strays(true);
}

void World::conduct(const Digest& artifact, Step step, const Conduct& conduct, HostId engine) {
  std::string words = shelf_.title_of(artifact) + ": " + name_of(step) + " " + name_of(conduct.fate);
  if (conduct.takes >= 0) words += ", after " + std::to_string(conduct.takes / kMillisecond) + " ms";
  if (conduct.first_times > 0) words += ", the first " + std::to_string(conduct.first_times) + " times";
  trace_.note({queue_.now(), engine, What::fault, 0, PINNATE_OK, words, {}});
  modules_.behave(artifact, step, conduct, engine);
}

bool World::corrupt_chunk(std::string_view tier, const Digest& artifact, std::uint32_t index, Disk::Damage damage) {
  fault(tier, "chunk " + std::to_string(index) + " is damaged on its disk");
  return at(tier).disk().damage(artifact, index, damage);
}

void World::flip_sent_chunks(std::string_view tier, std::uint32_t count) {
  fault(tier, "sends " + std::to_string(count) + " corrupt chunks");
  at(tier).flip_sent_chunks(count);
}

void World::clock_jump(std::string_view tier, std::int64_t by_ms) {
  fault(tier, "its clock jumps by " + std::to_string(by_ms) + " ms");
  at(tier).jump_clock(by_ms);
}

void World::restore_backup(std::string_view tier, DiskImage image) {
  fault(tier, "gets an old disk");
  at(tier).disk().put_back(std::move(image));
}

void World::move_address(const std::string& address, std::string_view tier) {
  fault(tier, "takes the address " + address);
  network_.listen(at(tier).id(), address);
}

}  // namespace pinnate::sim
