#include "command_line.h"
#include "fleet_tree.h"
#include "json_text.h"
#include "session.h"

namespace cli {

namespace {

struct EnginesOptions {
  TargetOptions target;
  std::string phase;
  std::string at;
  std::string name;
  bool json = false;
};

void set_up(CLI::App& app, EnginesOptions& options) {
  add_target_options(app, options.target, "how long to wait for each page (default 30s)");
  app.add_option("--phase", options.phase,
                 "only engines with a release in this phase: pending, fetching, loading, live,\n"
                 "failed, incompatible, not-selected or offline")
      ->type_name("PHASE");
  app.add_option("--at", options.at, "only below the gateway of this id")->type_name("GATEWAY");
  app.add_option("--name", options.name, "only services of this function")->type_name("NAME");
  app.add_flag("--json", options.json, "print a line of JSON per engine, and per gateway that cannot be asked");
  app.footer(
      "Looked up down the tree, page by page.\n\n"
      "Examples:\n"
      "  pinnate engines --phase failed\n"
      "  pinnate engines --at site-1 --name thumbnail --json");
}

// Phases are named with spaces; on a command line a dash, or either, is easier.
int phase_filter(const std::string& text) {
  if (text.empty()) return 0;
  const auto dashed = [](std::string name) {
    for (char& c : name) {
      if (c == ' ' || c == '_') c = '-';
    }
    return name;
  };
  for (int phase = 0; phase < PINNATE_PHASE_COUNT; ++phase) {
    if (dashed(pinnate_phase_name(static_cast<pinnate_phase>(phase))) == dashed(text)) return 1 + phase;
  }
  throw Failure(ExitCode::kUsage, "--phase: '" + text +
                                      "' is no phase (pending, fetching, loading, live, failed, incompatible, "
                                      "not-selected, offline)");
}

void print_json(const Tier& engine) {
  JsonText json;
  json.begin_object().member("id", engine.id).member("role", role_name(engine.role));
  json.member("path", engine.path).member("online", engine.online);
  json.member("platform", engine.platform).member("epoch", engine.epoch).member("revision", engine.revision);
  json.key("labels").begin_object();
  for (const auto& [key, value] : engine.labels) json.member(key.raw(), value);
  json.end_object().key("services").begin_array();
  for (const Service& service : engine.services) {
    json.begin_object().member("name", service.name).member("version", service.version);
    json.member("release", service.release).member("phase", pinnate_phase_name(service.phase));
    json.member("reason", service.reason).member("serving", service.serving).end_object();
  }
  json.end_array().key("kept").begin_array();
  for (const KeptImage& image : engine.kept) {
    json.begin_object().member("function", image.function).member("version", image.version);
    json.member("bytes", image.bytes).member("threads", std::uint64_t{image.threads}).member("why", image.why);
    json.end_object();
  }
  json.end_array().member("notice", engine.notice).end_object();
  std::printf("%s\n", json.text().c_str());
}

void print_row(const Tier& tier) {
  // A gateway that cannot be asked stands for the engines below it.
  const bool lost_gateway = tier.role == PINNATE_ROLE_GATEWAY;
  const std::string where = place_text(tier.path, tier.id);
  std::string state = services_text(tier);
  if (state.empty()) state = lost_gateway ? "gateway cannot be asked" : "no service";
  if (!tier.online && !lost_gateway) state = "offline; last known: " + state;
  if (!tier.notice.empty()) state += "; " + tier.notice;
  for (const KeptImage& image : tier.kept)
    state += "; keeps " + image.function + " " + image.version + " in memory: " + image.why;
  std::printf("%-44s  %s\n", where.c_str(), state.c_str());
}

ExitCode run(const EnginesOptions& options) {
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.phase = phase_filter(options.phase);
  lookup.at = options.at.empty() ? nullptr : options.at.c_str();
  lookup.name = options.name.empty() ? nullptr : options.name.c_str();
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  session.print_tiers(lookup, [&](const Tier& tier) { options.json ? print_json(tier) : print_row(tier); });
  return ExitCode::kOk;
}

}  // namespace

void add_engines(CommandLine& line) { add_command<EnginesOptions>(line, "engines", "list engines and what they have"); }

}  // namespace cli
