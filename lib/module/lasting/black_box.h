// Notes of what is about to run, for whoever comes after a crash: which artifact's code was the
// process in when it died?
//
// The file `black-box` in the state folder is an array of slots of 64 bytes, written by pwrite and
// never mapped (a file cut short must not raise SIGBUS) nor synced: it survives the process, which
// is all that it is for. A loss of power may leave slots torn; their checksum tells, and they are
// skipped.
//
//   slot 0   "PINNBOX1", zeros
//   others   0  kind      u8   0 free, 1 running: a service, 2 tally: deaths of an artifact
//            1  moment    u8   see Moment; of a tally that of the last death
//            4  in_a_row  u32  little-endian, of a tally
//            8  artifact  32 bytes
//            40 zeros
//            60 checksum  u32  little-endian, CRC-32 of bytes 0 to 59
//
// Whatever is noted as running at open means that the process died in it. Services inside load,
// create, a health check or a call are blamed; only when there is none, those in their first 60 s.
#pragma once

#include "base/digest.h"
#include "base/status.h"
#include "content/record.h"
#include "module/lasting/host_callbacks.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pinnate::module {

enum class Moment : std::uint8_t { kIdle = 0, kLoad = 1, kCreate = 2, kHealthCheck = 3, kCall = 4, kFirstMinute = 5 };

class BlackBox {
 public:
  static Result<std::unique_ptr<BlackBox>> open(const std::string& state_dir, std::shared_ptr<HostCallbacks> callbacks);
  ~BlackBox();
  BlackBox(const BlackBox&) = delete;
  BlackBox& operator=(const BlackBox&) = delete;

  // All tallies as they were at open, the last death counted in.
  const std::vector<Restored::Death>& deaths() const { return deaths_; }

  // A running note; idle at first. Any thread, as all below.
  std::size_t begin(const Digest& artifact);
  void write(std::size_t note, Moment moment);
  void end(std::size_t note);
  // Its deaths are no longer counted.
  void forgive(const Digest& artifact);
  // A clean end: nothing was running. Nothing is written from then on.
  void shut();

 private:
  enum class Kind : std::uint8_t { kFree = 0, kRunning = 1, kTally = 2 };
  struct Slot {
    Kind kind = Kind::kFree;
    Moment moment = Moment::kIdle;
    std::uint32_t in_a_row = 0;
    Digest artifact;
  };
  BlackBox(std::string path, std::shared_ptr<HostCallbacks> callbacks)
      : path_(std::move(path)), callbacks_(std::move(callbacks)) {}
  bool read_slots();
  void blame();
  std::size_t take_slot();
  void store(std::size_t index);

  const std::string path_;
  const std::shared_ptr<HostCallbacks> callbacks_;
  int fd_ = -1;
  std::mutex mutex_;
  std::vector<Slot> slots_;  // slots_[0] is the header's and stays free
  std::vector<Restored::Death> deaths_;
  bool complained_ = false;
};

}  // namespace pinnate::module
