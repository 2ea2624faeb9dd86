#include "module/lasting/black_box.h"

#include "base/fork.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace pinnate::module {
namespace {

constexpr std::size_t kSlotBytes = 256, kOldSlotBytes = 64;
constexpr std::size_t kSlotLimit = 64 * 1024;  // 16 MiB: far more than services of one engine
using Bytes = std::array<unsigned char, kSlotBytes>;

constexpr char kHeader[kSlotBytes] = "PINNBOX2";
constexpr char kOldHeader[kOldSlotBytes] = "PINNBOX1";
constexpr std::size_t kNameAt = 48, kChecksumBytes = 4;
constexpr const char* kMomentNames[] = {"idle", "load",       "create",        "health check",
                                        "call", "first 60 s", "just unloaded", "kept in memory"};

void put32(unsigned char* at, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<unsigned char>(v >> (8 * i));
}
std::uint32_t get32(const unsigned char* at) {
  return at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
}
std::uint32_t checksum(const Bytes& b, std::size_t bytes) {
  return static_cast<std::uint32_t>(crc32(crc32(0, nullptr, 0), b.data(), static_cast<uInt>(bytes)));
}

Status file_error(const std::string& what) {
  return {errno == ENOSPC ? PINNATE_NO_SPACE : PINNATE_IO, "cannot " + what + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<BlackBox>> BlackBox::open(const std::string& state_dir,
                                                 std::shared_ptr<HostCallbacks> callbacks) {
  std::unique_ptr<BlackBox> box(new BlackBox(state_dir + "/black-box", std::move(callbacks)));
  box->fd_ = ::open(box->path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (box->fd_ < 0) return file_error("open " + box->path_);
  close_in_children(box->fd_);
  if (!box->read_slots() && !box->begin_anew()) return file_error("write " + box->path_);
  box->blame();
  return box;
}

BlackBox::~BlackBox() {
  if (fd_ >= 0 && forget_in_children(fd_)) close(fd_);
}

bool BlackBox::begin_anew() {
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, kHeader, kSlotBytes, 0) != ssize_t{kSlotBytes}) return false;
  for (std::size_t i = 1; i < slots_.size(); ++i) store(i);
  return true;
}

// False: the file is to be begun anew, with what was read.
bool BlackBox::read_slots() {
  slots_.assign(1, Slot{});
  struct stat st;
  if (fstat(fd_, &st) != 0 || st.st_size == 0) return false;
  Bytes b{};
  const ssize_t head = pread(fd_, b.data(), b.size(), 0);
  const bool old = head >= ssize_t{kOldSlotBytes} && std::memcmp(b.data(), kOldHeader, kOldSlotBytes) == 0;
  if (!old && (head != ssize_t{kSlotBytes} || std::memcmp(b.data(), kHeader, kSlotBytes) != 0)) {
    callbacks_->log(PINNATE_LOG_WARNING, path_ + " is not a black box of this version: ignored, and begun anew");
    return false;
  }
  const std::size_t slot_bytes = old ? kOldSlotBytes : kSlotBytes, sum_at = slot_bytes - kChecksumBytes;
  const std::size_t count = std::min(static_cast<std::size_t>(st.st_size) / slot_bytes, kSlotLimit);
  std::size_t damaged = 0;
  for (std::size_t i = 1; i < count; ++i) {
    Slot slot;
    b.fill(0);
    if (pread(fd_, b.data(), slot_bytes, static_cast<off_t>(i * slot_bytes)) != static_cast<ssize_t>(slot_bytes) ||
        get32(b.data() + sum_at) != checksum(b, sum_at) || b[0] > 2 || b[1] > static_cast<unsigned>(Moment::kKept)) {
      ++damaged;
    } else {
      slot.kind = static_cast<Kind>(b[0]);
      slot.moment = static_cast<Moment>(b[1]);
      slot.in_a_row = get32(b.data() + 4);
      std::copy(b.begin() + 8, b.begin() + 40, slot.artifact.bytes.begin());
      if (!old) {
        slot.shared = std::min(get32(b.data() + 40), slot.in_a_row);
        slot.death = get32(b.data() + 44);
        const auto name = reinterpret_cast<const char*>(b.data() + kNameAt);
        slot.name.assign(name, strnlen(name, sum_at - kNameAt));
      }
    }
    slots_.push_back(std::move(slot));
  }
  if (damaged)
    callbacks_->log(PINNATE_LOG_WARNING,
                    path_ + ": " + std::to_string(damaged) + " of its notes are damaged and were ignored");
  return !old;
}

void BlackBox::blame() {
  const auto inside = [](const Slot& s) {
    return s.kind == Kind::kRunning && s.moment > Moment::kIdle && s.moment < Moment::kFirstMinute;
  };
  const bool any_inside = std::any_of(slots_.begin(), slots_.end(), inside);
  std::vector<Slot> blamed;
  std::uint32_t death = 0;
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.kind == Kind::kTally) death = std::max(death, slot.death);
    if (slot.kind != Kind::kRunning) continue;
    const bool guilty =
        slot.moment > Moment::kFirstMinute || (any_inside ? inside(slot) : slot.moment == Moment::kFirstMinute);
    const auto known =
        std::find_if(blamed.begin(), blamed.end(), [&](const Slot& b) { return b.artifact == slot.artifact; });
    if (guilty && known == blamed.end())
      blamed.push_back(slot);
    else if (guilty)
      known->moment = std::min(known->moment, slot.moment);
    slot = Slot{};
    store(i);
  }
  for (const Slot& suspect : blamed) {
    auto tally = std::find_if(slots_.begin(), slots_.end(),
                              [&](const Slot& s) { return s.kind == Kind::kTally && s.artifact == suspect.artifact; });
    const std::size_t at = tally != slots_.end() ? static_cast<std::size_t>(tally - slots_.begin()) : take_slot();
    if (at == 0) continue;
    Slot& slot = slots_[at];
    slot.kind = Kind::kTally;
    slot.moment = suspect.moment;
    slot.artifact = suspect.artifact;
    slot.name = suspect.name;
    slot.death = death + 1;
    ++slot.in_a_row;
    if (blamed.size() > 1) ++slot.shared;
    store(at);
  }
  // Earlier deaths too: else each of two modules that kill the process made it forget the other.
  for (const Slot& slot : slots_) {
    if (slot.kind != Kind::kTally) continue;
    std::string others;
    for (const Slot& other : slots_)
      if (other.kind == Kind::kTally && other.death == slot.death && slot.death != 0 && &other != &slot)
        others +=
            (others.empty() ? "" : " or ") + other.name + " (" + kMomentNames[static_cast<int>(other.moment)] + ")";
    deaths_.push_back({slot.artifact, kMomentNames[static_cast<int>(slot.moment)], slot.in_a_row, slot.shared,
                       slot.name, std::move(others), !blamed.empty() && slot.death == death + 1});
  }
}

std::size_t BlackBox::take_slot() {
  for (std::size_t i = 1; i < slots_.size(); ++i)
    if (slots_[i].kind == Kind::kFree) return i;
  if (slots_.size() >= kSlotLimit) return 0;
  slots_.emplace_back();
  return slots_.size() - 1;
}

void BlackBox::store(std::size_t index) {
  const Slot& slot = slots_[index];
  Bytes b{};
  b[0] = static_cast<unsigned char>(slot.kind);
  b[1] = static_cast<unsigned char>(slot.moment);
  put32(b.data() + 4, slot.in_a_row);
  std::copy(slot.artifact.bytes.begin(), slot.artifact.bytes.end(), b.begin() + 8);
  put32(b.data() + 40, slot.shared);
  put32(b.data() + 44, slot.death);
  constexpr std::size_t kSumAt = kSlotBytes - kChecksumBytes;
  slot.name.copy(reinterpret_cast<char*>(b.data() + kNameAt), kSumAt - kNameAt - 1);
  put32(b.data() + kSumAt, checksum(b, kSumAt));
  if (pwrite(fd_, b.data(), b.size(), static_cast<off_t>(index * kSlotBytes)) == ssize_t{kSlotBytes} || complained_)
    return;
  complained_ = true;  // one line is enough: a full disk stays full
  callbacks_->log(PINNATE_LOG_WARNING, "cannot write " + path_ + ": " + std::strerror(errno) +
                                           "; a module that kills this process may not be found out");
}

std::size_t BlackBox::begin(const Digest& artifact, const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) return 0;
  const std::size_t at = take_slot();
  if (at) {
    slots_[at] = {Kind::kRunning, Moment::kIdle, 0, 0, 0, artifact, name};
    store(at);
  }
  return at;
}

void BlackBox::write(std::size_t note, Moment moment) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0 || note == 0 || slots_[note].moment == moment) return;
  slots_[note].moment = moment;
  store(note);
}

void BlackBox::end(std::size_t note) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0 || note == 0) return;
  slots_[note] = Slot{};
  store(note);
}

void BlackBox::forgive(const Digest& artifact) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) return;
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    if (slots_[i].kind != Kind::kTally || slots_[i].artifact != artifact) continue;
    slots_[i] = Slot{};
    store(i);
  }
}

void BlackBox::shut() {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) return;
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    if (slots_[i].kind != Kind::kRunning) continue;
    slots_[i] = Slot{};
    store(i);
  }
  close(fd_);
  fd_ = -1;
}

}  // namespace pinnate::module
