#include "command_line.h"
#include "json_text.h"
#include "quantity.h"
#include "session.h"

namespace cli {

namespace {

struct MembersOptions {
  TargetOptions target;
  std::string at;
  bool json = false;
};

void set_up(CLI::App& app, MembersOptions& options) {
  add_target_options(app, options.target, "how long to wait for each page (default 30s)");
  app.add_option("--at", options.at, "only of the gateway of this id, and of those below it")->type_name("GATEWAY");
  app.add_flag("--json", options.json, "print a line of JSON per source and per member");
  app.footer(
      "Of each gateway first its sources, then its members: who is named there, dialled in, or dialled.\n"
      "A member is linked, dialling, waiting for its next try, refused (another fleet, or no tier),\n"
      "elsewhere (linked under another address) or ending (it stops, as a source says).\n\n"
      "Examples:\n"
      "  pinnate members --at site-1\n"
      "  pinnate members --json");
}

void print_json(const Member& member) {
  JsonText json;
  json.begin_object().member("state", pinnate_member_state_name(member.state)).member("path", member.path);
  json.member("address", member.address).member("id", member.id).key("sources").begin_array();
  for (const PeerText& source : member.sources) json.value(source.raw());
  json.end_array().member("named", member.named).member("terminating", member.terminating);
  json.member("why", member.why).member("since_unix_ms", member.since_unix_ms).end_object();
  std::printf("%s\n", json.text().c_str());
}

void print_row(const Member& member) {
  const std::string path = member.path;
  const std::string where = path.empty() ? "" : path + ": ";
  std::string text;
  if (member.source()) {
    text = "source " + std::string(member.sources.empty() ? PeerText() : member.sources[0]) + " names " +
           std::to_string(member.named);
    if (member.state == PINNATE_MEMBER_STALE_SOURCE)
      text += ", stale since " + time_text(static_cast<std::int64_t>(member.since_unix_ms));
    if (!member.why.empty()) text += ": " + std::string(member.why);
  } else if (member.state == PINNATE_MEMBER_UNKNOWN) {
    text = "gateway " + std::string(member.id) + " cannot be asked: " + std::string(member.why);
  } else {
    text = std::string(member.address) + "  " + pinnate_member_state_name(member.state);
    if (!member.id.empty()) text += " " + std::string(member.id);
    if (member.terminating) text += ", terminating";
    std::string sources;
    for (const PeerText& source : member.sources) sources += (sources.empty() ? "" : ", ") + std::string(source);
    text += sources.empty() ? ", named by nobody any more" : ", by " + sources;
    if (!member.why.empty()) text += ": " + std::string(member.why);
  }
  std::printf("%s%s\n", where.c_str(), text.c_str());
}

ExitCode run(const MembersOptions& options) {
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.at = options.at.empty() ? nullptr : options.at.c_str();
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(30'000)));
  session.print_members(lookup, [&](const Member& member) { options.json ? print_json(member) : print_row(member); });
  return ExitCode::kOk;
}

}  // namespace

void add_members(CommandLine& line) {
  add_command<MembersOptions>(line, "members", "list where gateways look for who is below them, and whom they found");
}

}  // namespace cli
