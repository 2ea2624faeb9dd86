// What `controller`, `gateway` and `engine` have in common: flags, options of the C ABI, and
// running in the foreground.
#pragma once

#include "options.h"
#include "settings.h"
#include "stop_signals.h"
#include "whole_output.h"

#include <pinnate/common.h>

#include <memory>
#include <string>
#include <vector>

namespace cli {

struct TierFlags {
  std::string config;
  std::string log_level;
  std::vector<std::string> labels;
  Settings given;
};

void add_tier_flags(CLI::App& app, TierFlags& flags);

// The flags over the file that --config names.
Settings settings_of(const TierFlags& flags, Reader reader);

// The options every tier begins with. Points into `settings` and itself: both outlive the open
// call.
class TierOptions {
 public:
  explicit TierOptions(const Settings& settings);
  const pinnate_tier_options& get() const { return options_; }

 private:
  std::vector<pinnate_label> labels_;
  std::vector<const pinnate_label*> label_pointers_;
  pinnate_tier_options options_ = PINNATE_TIER_OPTIONS_INIT;
};

// "" is no address of the C ABI, and NULL means the default.
inline const char* or_null(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

// An open handle: closes it, waits until it is closed, and frees it.
template <class Handle, pinnate_status (*CloseWait)(Handle*), void (*Free)(Handle*)>
class Opened {
 public:
  Opened() = default;
  ~Opened() { close(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  Handle** receive() { return &handle_; }
  Handle* get() const { return handle_; }

  void close() {
    if (handle_ == nullptr) return;
    CloseWait(handle_);
    Free(handle_);
    handle_ = nullptr;
  }

 private:
  Handle* handle_ = nullptr;
};

// Listens at each of the settings' addresses and says where, on stdout: `listening on ADDRESS`, a
// line each.
template <class Handle>
void listen_at(const Settings& settings, Handle* handle,
               pinnate_status (*listen)(Handle*, const char*, char*, std::size_t, pinnate_ticket*)) {
  for (const std::string& address : settings.listen) {
    char bound[512];
    check(listen(handle, address.c_str(), bound, sizeof bound, nullptr));
    write_whole(Output::out, "listening on " + std::string(bound) + "\n");
  }
}

// Says on stdout that the tier runs (the line to wait for when it listens nowhere), waits for a
// signal, and says that it stops; from then on another signal ends the process at once.
void run_until_stopped(const char* tier, StopSignals& stop);

}  // namespace cli
