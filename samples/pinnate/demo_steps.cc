#include "demo_steps.h"

#include "file_bytes.h"
#include "fleet_tree.h"
#include "jpeg_size.h"
#include "rollout.h"
#include "shown_text.h"

#include <algorithm>
#include <filesystem>

namespace cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStepLimit{60};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

std::string picture_text(const std::string& name, const std::string& bytes) {
  const auto size = jpeg_size(bytes);
  if (!size) throw Failure(ExitCode::kFailed, name + " is no JPEG");
  return name + " (" + std::to_string(size->width) + " x " + std::to_string(size->height) + ", " +
         size_text(bytes.size()) + ")";
}

}  // namespace

DemoSteps::DemoSteps(const Terminal& terminal, const DemoShape& shape, DemoFleet& fleet, Session& session)
    : terminal_(terminal), shape_(shape), fleet_(fleet), session_(session) {}

void DemoSteps::heading(const std::string& text) {
  terminal_.print("\n" + terminal_.bold(std::to_string(++headings_) + ". " + text) + "\n");
}

void DemoSteps::say(const std::string& text) { terminal_.print("   " + text + "\n"); }

void DemoSteps::leave_a_line() { terminal_.print("\n"); }

void DemoSteps::introduce_fleet() {
  heading("A fleet of " + std::to_string(fleet_.process_count()) + " processes on this machine");
  const auto row = [&](const std::string& tiers, unsigned number, const std::string& what) {
    const std::string count = std::to_string(number);
    say(tiers + std::string(24 - tiers.size() - count.size(), ' ') + count + "  " + what);
  };
  row("controller", 1, "at " + fleet_.address());
  row("node gateways", shape_.nodes, "one per site; dial the controller over TCP");
  row("container gateways", shape_.nodes * shape_.clusters,
      "one per container cluster; dial their node gateway over a UNIX socket");
  row("engines", shape_.engine_count(),
      "load modules and answer calls; dial their container gateway over a UNIX socket");
}

void DemoSteps::await_engines() {
  ProgressLine progress(terminal_);
  const Deadline deadline = deadline_after(kStepLimit);
  const std::uint64_t expected = shape_.engine_count();
  for (;;) {
    fleet_.check_alive();
    // Short, so that a process that ends is noticed.
    const auto rollup = session_.next_rollup(deadline_after(std::chrono::milliseconds(250)));
    if (rollup) {
      progress.show("   online", static_cast<double>(rollup->online_engines) / static_cast<double>(expected),
                    std::to_string(rollup->online_engines) + " of " + std::to_string(expected) + " engines");
      if (rollup->online_engines == expected && rollup->online_gateways == shape_.gateway_count()) return;
    }
    if (Clock::now() >= deadline) throw Failure(ExitCode::kTimeout, "not all engines came online within 60 s");
  }
}

void DemoSteps::publish(const DemoModule& module) {
  const std::string title = module.name + " " + module.version;
  say("publishing " + file_name(module.file) + ", a shared object of " +
      size_text(std::filesystem::file_size(module.file)));
  const pinnate_artifact artifact{sizeof artifact, nullptr, module.file.c_str(), {nullptr, 0}};
  const pinnate_artifact* const artifacts = &artifact;
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = module.name.c_str();
  publish.version = module.version.c_str();
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;

  const Clock::time_point start = Clock::now();
  const Published published = session_.publish(publish, {});
  say("release " + std::to_string(published.release) + " is on the controller's disk, synced, after " +
      duration_text(milliseconds_since(start)));

  ProgressLine progress(terminal_);
  const Rollout rollout =
      await_rollout(session_, published, deadline_after(kStepLimit), [&](const ReleaseStatus& status) {
        show(progress, "   " + title, status);
        fleet_.check_alive();
      });
  progress.finish();
  if (rollout.end == Rollout::End::kServed && rollout.status->online_selected() == shape_.engine_count()) {
    say(terminal_.green("all " + std::to_string(shape_.engine_count()) + " engines serve " + title) + ", " +
        duration_text(milliseconds_since(start)) + " after the publish began");
    return;
  }
  std::string words = title + " is not live on all engines";
  for (const Absentee& absentee : absentees(session_, module.name, published.release, 5)) {
    words += "\n  " + absentee.engine + ": " + pinnate_phase_name(absentee.phase) + (" " + absentee.reason);
  }
  throw Failure(rollout.end == Rollout::End::kLate ? ExitCode::kTimeout : ExitCode::kFailed, words);
}

void DemoSteps::draw_tree() {
  terminal_.print("\n" + drawn(look_up_tree(session_, session_.status(""), ""), terminal_));
}

CallResult DemoSteps::call(const std::string& name, const std::string& payload, const std::string& engine) {
  fleet_.check_alive();
  pinnate_call call = PINNATE_CALL_INIT;
  call.name = name.c_str();
  call.payload = {payload.data(), payload.size()};
  call.engine = engine.empty() ? nullptr : engine.c_str();
  return session_.call(call);
}

void DemoSteps::make_thumbnail(const DemoModule& module, const std::string& picture, const std::string& folder) {
  const std::string photo = file_bytes(picture, kPayloadLimitBytes);
  const Clock::time_point start = Clock::now();
  const CallResult result = call(module.name, photo, "");
  const double took = milliseconds_since(start);
  check(result.status, result.error);
  const std::string path =
      (std::filesystem::path(folder) / (module.name + "-" + module.version + ".jpg")).lexically_normal().string();
  write_file(path, result.bytes);
  say("called " + module.name + " on " + picture_text(file_name(picture), photo));
  say("one of the engines made " + terminal_.green(picture_text(path, result.bytes)) + " of it, there and back in " +
      duration_text(took));
}

void DemoSteps::try_out(const DemoModule& module) {
  const CallResult result = call(module.name, "", "");
  if (result.status == PINNATE_OK) {
    say("called " + module.name + " with an empty payload: it answered " + size_text(result.bytes.size()));
  } else if (result.status == PINNATE_FAILED) {
    say("called " + module.name + " with an empty payload: it said: " + shown(result.error));
  } else {
    check(result.status, result.error);
  }
}

void DemoSteps::feed_readings(const DemoModule& module) {
  const std::string engine = fleet_.engine_id(1);
  say("readings of a sensor, each a call of its own, all to " + engine + ", which remembers the earlier ones;");
  say("it answers: the reading, how many standard deviations it is off the mean so far, and what it makes of that");
  for (const char* reading : {"20.0", "20.3", "19.8", "20.1", "20.2", "19.9", "20.0", "20.2", "20.1", "35.0"}) {
    const CallResult result = call(module.name, reading, engine);
    check(result.status, result.error);
    std::string answer = result.bytes;
    while (!answer.empty() && answer.back() == '\n') answer.pop_back();
    answer = shown(answer);
    say("  " + (answer.ends_with("anomaly") ? terminal_.red(answer) : answer));
  }
}

}  // namespace cli
