// Notes of what is about to run, for whoever comes after a crash: which artifact's code was the
// process in when it died?
//
// The file `black-box` in the state folder is an array of slots of 256 bytes, written by pwrite and
// never mapped (a file cut short must not raise SIGBUS) nor synced: it survives the process, which
// is all that it is for. A loss of power may leave slots torn; their checksum tells, and they are
// skipped.
//
//   slot 0   "PINNBOX2", zeros
//   others   0  kind      u8   0 free, 1 running: a service, 2 tally: deaths of an artifact
//            1  moment    u8   see Moment; of a tally that of the last death
//            4  in_a_row  u32  little-endian, as all below; of a tally
//            8  artifact  32 bytes
//            40 shared    u32  of a tally: of these deaths, those that another could have caused
//            44 death     u32  of a tally: numbers the last one; the same for all that it could be
//            48 name      text with a NUL behind it: "'thumbnail' 1.2.0"
//            252 checksum u32  CRC-32 of bytes 0 to 251
//
// The version before ("PINNBOX1") had slots of 64 bytes, with zeros from 40 and the checksum of 60
// bytes at 60. It is read, and written anew.
//
// Whatever is noted as running at open means that the process died in it. Services inside load,
// create, a health check or a call may have done it; where there is none, those in their first
// 60 s; and in both cases those that were unloaded in the last 60 s, or could not be. Of several,
// each gets a shared death: nobody knows which it was.
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

enum class Moment : std::uint8_t {
  kIdle = 0,
  kLoad = 1,
  kCreate = 2,
  kHealthCheck = 3,
  kCall = 4,
  kFirstMinute = 5,
  kUnloaded = 6,
  kKept = 7
};

class BlackBox {
 public:
  static Result<std::unique_ptr<BlackBox>> open(const std::string& state_dir, std::shared_ptr<HostCallbacks> callbacks);
  ~BlackBox();
  BlackBox(const BlackBox&) = delete;
  BlackBox& operator=(const BlackBox&) = delete;

  // All tallies as they were at open, the last death counted in.
  const std::vector<Restored::Death>& deaths() const { return deaths_; }

  // A running note; idle at first. Any thread, as all below.
  std::size_t begin(const Digest& artifact, const std::string& name);
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
    std::uint32_t in_a_row = 0, shared = 0, death = 0;
    Digest artifact;
    std::string name;
  };
  BlackBox(std::string path, std::shared_ptr<HostCallbacks> callbacks)
      : path_(std::move(path)), callbacks_(std::move(callbacks)) {}
  bool read_slots();
  bool begin_anew();
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
