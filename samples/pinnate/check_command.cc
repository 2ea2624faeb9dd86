#include "checked_artifact.h"
#include "command_line.h"
#include "json_text.h"
#include "options.h"
#include "session.h"
#include "shown_text.h"

#include <pinnate/module.h>

namespace cli {

namespace {

struct CheckOptions {
  std::vector<std::string> files;
  bool json = false;
};

void set_up(CLI::App& app, CheckOptions& options) {
  named_alone(app.add_option("FILE", options.files, "shared objects, for whatever platform"))->required();
  app.add_flag("--json", options.json, "print one line of JSON for each");
  app.footer(
      "Reads headers, symbols and dynamic section; nothing is loaded. `publish` does the same, and each engine, which\n"
      "also sees what its own process makes of the module. What is *refused* would be wrong or end the process; what\n"
      "is *warned* of costs. Each has a word in brackets, by which `publish --allow WORD` insists.\n"
      "Exit code 0: nothing is refused; 1: something is; 2: it is no whole shared object.\n\n"
      "Example:\n"
      "  pinnate check thumbnail.so");
}

std::string needs_text(const CheckedArtifact& checked) {
  std::string text = checked.platform;
  if (!checked.c_library.empty()) text += ", " + checked.c_library;
  if (!checked.c_library_version.empty()) text += " " + checked.c_library_version + " or later";
  if (checked.module_abi != 0) text += ", module ABI " + std::to_string(checked.module_abi);
  return text;
}

void print_text(const std::string& file, const CheckedArtifact& checked) {
  std::printf("%s: for %s%s\n", shown(file).c_str(), shown(needs_text(checked)).c_str(),
              checked.findings.empty() ? "; nothing else is to be said of it" : "");
  for (const Finding& finding : checked.findings) {
    std::printf("  %s: %s [%s]\n", finding.refused ? "refused" : "warning", shown(finding.text).c_str(),
                finding.word.c_str());
  }
}

void print_json(const std::string& file, const CheckedArtifact& checked) {
  JsonText json;
  json.begin_object().member("file", file).member("platform", checked.platform);
  json.member("c_library", checked.c_library).member("c_library_version", checked.c_library_version);
  json.member("module_abi", std::uint64_t{checked.module_abi});
  json.member("module_flags", std::uint64_t{checked.module_flags}).key("findings").begin_array();
  for (const Finding& finding : checked.findings) {
    json.begin_object().member("word", finding.word).member("refused", finding.refused);
    json.member("text", finding.text).end_object();
  }
  json.end_array().end_object();
  std::printf("%s\n", json.text().c_str());
}

ExitCode run(const CheckOptions& options) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& file : options.files) {
    pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
    artifact.path = file.c_str();
    const CheckedArtifact checked = check_artifact(artifact);
    options.json ? print_json(file, checked) : print_text(file, checked);
    for (const Finding& finding : checked.findings)
      if (finding.refused) code = ExitCode::kFailed;
  }
  return code;
}

}  // namespace

CheckedArtifact check_artifact(const pinnate_artifact& artifact) {
  CheckedArtifact result;
  const pinnate_status status = pinnate_check_artifact(
      &artifact,
      [](void* to, const pinnate_checked* from) {
        auto& checked = *static_cast<CheckedArtifact*>(to);
        checked.platform = from->platform;
        checked.c_library = from->c_library;
        checked.c_library_version = from->c_library_version;
        checked.module_abi = from->module_abi;
        checked.module_flags = from->module_flags;
        for (std::size_t i = 0; i < from->finding_count; ++i) {
          const pinnate_finding& finding = *from->findings[i];
          checked.findings.push_back({finding.word, finding.refused != 0, finding.text});
        }
      },
      &result);
  if (status != PINNATE_OK) {
    const std::string what = artifact.path != nullptr ? std::string(artifact.path) + ": " : "";
    throw Failure(status == PINNATE_NOT_FOUND ? ExitCode::kNotFound : ExitCode::kUsage, what + pinnate_last_error());
  }
  return result;
}

void add_check(CommandLine& line) {
  add_command<CheckOptions>(line, "check", "say what a module will do in an engine, without loading it");
}

}  // namespace cli
