#include "rollup_report.h"

#include "quantity.h"

#include <algorithm>
#include <array>
#include <span>

namespace cli {

namespace {

// The order people ask in: how many have it, who is on the way, who will not get it.
constexpr std::array<pinnate_phase, PINNATE_PHASE_COUNT> kPhases = {
    PINNATE_PHASE_LIVE,   PINNATE_PHASE_LOADING,      PINNATE_PHASE_FETCHING,     PINNATE_PHASE_PENDING,
    PINNATE_PHASE_FAILED, PINNATE_PHASE_INCOMPATIBLE, PINNATE_PHASE_NOT_SELECTED, PINNATE_PHASE_OFFLINE};

std::vector<const ReleaseStatus*> releases_of(const Rollup& rollup, const std::string& name) {
  std::vector<const ReleaseStatus*> releases;
  for (const ReleaseStatus& release : rollup.releases) {
    if (name.empty() || release.name.raw() == name) releases.push_back(&release);
  }
  std::sort(releases.begin(), releases.end(), [](const auto* a, const auto* b) {
    return a->name != b->name ? a->name < b->name : a->number > b->number;
  });
  return releases;
}

std::string listed(const ReleaseStatus& release, std::span<const pinnate_phase> phases) {
  std::string text;
  for (const pinnate_phase phase : phases) {
    if (release.count(phase) == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(release.count(phase)) + " " + pinnate_phase_name(phase);
  }
  return text;
}

std::string release_line(const ReleaseStatus& release, const Terminal& terminal) {
  std::string line =
      "  " + release.name + " " + release.version + " (release " + std::to_string(release.number) + ")  ";
  line += release.current ? phases_text(release) : terminal.faint("no longer current");
  line += "; serves on " + std::to_string(release.serving);
  if (release.serving_offline != 0)
    line += ", and when last seen on " + std::to_string(release.serving_offline) + " offline";
  return line + "\n";
}

}  // namespace

std::string phases_text(const ReleaseStatus& release) {
  const std::string text = listed(release, kPhases);
  return text.empty() ? "no engine known" : text;
}

std::string other_phases_text(const ReleaseStatus& release) {
  static_assert(kPhases.front() == PINNATE_PHASE_LIVE);
  return listed(release, std::span(kPhases).subspan(1));
}

std::string rollup_text(const Rollup& rollup, const std::string& name, const Terminal& terminal) {
  std::string text = terminal.bold(rollup.id) + ": epoch " + std::to_string(rollup.epoch) + ", revision " +
                     std::to_string(rollup.revision) + "\n";
  text += "  engines   " + std::to_string(rollup.online_engines) + " online of " +
          std::to_string(rollup.known_engines) + " known; " + std::to_string(rollup.forgotten_engines) + " forgotten\n";
  text += "  gateways  " + std::to_string(rollup.online_gateways) + " online of " +
          std::to_string(rollup.known_gateways) + " known\n";
  if (rollup.kept_images != 0)
    text += "  kept      " + std::to_string(rollup.kept_images) + " images of modules that could not be unmapped, " +
            size_text(rollup.kept_bytes) + " (`pinnate engines` says where)\n";

  const auto releases = releases_of(rollup, name);
  text += terminal.bold("releases") + "\n";
  for (const ReleaseStatus* release : releases) text += release_line(*release, terminal);
  if (releases.empty()) text += name.empty() ? "  none\n" : "  none of " + name + "\n";

  std::string failures;
  for (const ReleaseStatus* release : releases) {
    for (const auto& [engine, reason] : release->failures) {
      failures += "  " + engine + ": " + release->name + " " + release->version + ": " + reason + "\n";
    }
  }
  if (!failures.empty()) text += terminal.red("first failures") + "\n" + failures;
  if (!rollup.notices.empty()) text += terminal.yellow("notices") + "\n";
  for (const PeerText& notice : rollup.notices) text += "  " + notice + "\n";
  return text;
}

std::string rollup_line(const Rollup& rollup, const std::string& name) {
  std::string text = "revision " + std::to_string(rollup.revision) + ", " + std::to_string(rollup.online_engines) +
                     " of " + std::to_string(rollup.known_engines) + " engines online";
  for (const ReleaseStatus* release : releases_of(rollup, name)) {
    text += "; " + release->name + " " + release->version + ": ";
    text += release->current ? phases_text(*release) : "serves on " + std::to_string(release->serving);
  }
  return text;
}

void write_json(JsonText& json, const Rollup& rollup, const std::string& name) {
  json.member("id", rollup.id).member("epoch", rollup.epoch).member("revision", rollup.revision);
  json.member("known_engines", rollup.known_engines).member("online_engines", rollup.online_engines);
  json.member("forgotten_engines", rollup.forgotten_engines);
  json.member("known_gateways", rollup.known_gateways).member("online_gateways", rollup.online_gateways);
  json.member("kept_images", rollup.kept_images).member("kept_bytes", rollup.kept_bytes);
  json.key("releases").begin_array();
  for (const ReleaseStatus* release : releases_of(rollup, name)) {
    json.begin_object().member("release", release->number).member("name", release->name);
    json.member("version", release->version).member("current", release->current);
    json.key("phases").begin_object();
    for (const pinnate_phase phase : kPhases) json.member(pinnate_phase_name(phase), release->count(phase));
    json.end_object().member("serving", release->serving).member("serving_offline", release->serving_offline);
    json.key("failures").begin_array();
    for (const auto& [engine, reason] : release->failures) {
      json.begin_object().member("engine", engine).member("reason", reason).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().key("notices").begin_array();
  for (const PeerText& notice : rollup.notices) json.value(notice);
  json.end_array();
}

}  // namespace cli
