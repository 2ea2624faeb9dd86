#include "checked_artifact.h"
#include "command_line.h"
#include "file_bytes.h"
#include "rollout.h"
#include "rollup_report.h"

#include <memory>

namespace cli {

namespace {

constexpr std::size_t kNamedAbsentees = 20;

struct PublishOptions {
  TargetOptions target;
  std::string module;
  std::vector<std::string> files;
  std::vector<std::string> platforms;
  std::string config_file;
  std::string config_text;
  std::string selector;
  bool keep_older = false;
  std::string replace = "swap";
  std::string loader;
  std::vector<std::string> allow;
  std::optional<Milliseconds> load_limit, create_limit, health_limit, call_limit, drain_limit;
  bool wait = false;
  bool json = false;
};

void set_up(CLI::App& app, PublishOptions& options) {
  add_target_options(app, options.target, "how long to publish, and with --wait to wait (default 60s)");
  named_alone(app.add_option("NAME@VERSION", options.module, "what to publish"))->required();
  named_alone(app.add_option("FILE", options.files,
                             "an artifact each; the platform of an ELF file is read from it, else it is `any`"));
  app.add_option("--platform", options.platforms, "an artifact and its platform, e.g. linux-aarch64=build/arm/m.so")
      ->type_name("P=FILE")
      ->take_all();
  auto* file = app.add_option("--config-bytes", options.config_file, "a file whose bytes the service gets when created")
                   ->option_text("FILE");
  app.add_option("--config-text", options.config_text, "the same, as text instead")
      ->option_text("TEXT")
      ->excludes(file);
  app.add_option("--select", options.selector,
                 "for which engines: all terms must hold; `key` and `!key` ask for presence\n"
                 "(default: everything)")
      ->type_name("'region=eu,ring!=canary'");
  app.add_flag("--keep-older", options.keep_older,
               "current releases of this name stay so below this one, and serve again when it is withdrawn\n"
               "(default: a release without --select supersedes them all at once)");
  app.add_option("--replace", options.replace,
                 "swap: no call waits, and two versions live side by side for a moment; stop-first: the old one is\n"
                 "destroyed and unloaded before this one is loaded, while calls wait for it, 10s at most (default\n"
                 "swap, and what the module says of itself)")
      ->type_name("swap|stop-first")
      ->check(CLI::IsMember({"swap", "stop-first"}));
  app.add_option("--loader", options.loader, "which loader makes services from it (default native)")->type_name("KIND");
  app.add_option("--allow", options.allow,
                 "a finding of `pinnate check` that is no reason to refuse it, by its word; engines are told")
      ->type_name("WORD")
      ->take_all();
  add_duration(app, "--load-limit", options.load_limit, "how long its loader may take (default 10s)");
  add_duration(app, "--create-limit", options.create_limit, "how long creating a service may take (default 10s)");
  add_duration(app, "--health-limit", options.health_limit, "how long a health check may take (default 5s)");
  add_duration(app, "--call-limit", options.call_limit, "upper bound of any call's deadline (default 30s)");
  add_duration(app, "--drain-limit", options.drain_limit,
               "how long a replaced service may finish its calls (default 30s)");
  app.add_flag("--wait", options.wait,
               "follow it until no selected online engine is pending, fetching or loading;\n"
               "exit 0 only if all of them serve it and none went offline meanwhile");
  app.add_flag("--json", options.json, "print one line of JSON, and no progress");
  app.footer(
      "Examples:\n"
      "  pinnate publish thumbnail@1.0.0 thumbnail.so --wait\n"
      "  pinnate publish scorer@2.1 --platform linux-x86_64=x86/s.so --platform linux-aarch64=arm/s.so --select "
      "region=eu");
}

// Strings the request points to, kept together with it.
class Request {
 public:
  explicit Request(const PublishOptions& options) : options_(options) {
    const std::size_t at = options.module.find('@');
    if (at == std::string::npos || at == 0 || at + 1 == options.module.size()) {
      throw Failure(ExitCode::kUsage,
                    "'" + options.module + "' is no module and version (write NAME@VERSION, e.g. thumbnail@1.0.0)");
    }
    name_ = options.module.substr(0, at);
    version_ = options.module.substr(at + 1);
    for (const std::string& file : options.files) add_artifact(nullptr, file.c_str());
    for (const std::string& text : options.platforms) add_platform(text);
    if (artifacts_.empty()) {
      throw Failure(ExitCode::kUsage, "nothing to publish: name a FILE, or --platform P=FILE for each platform");
    }
    config_ = options.config_file.empty() ? options.config_text : file_bytes(options.config_file, kConfigLimitBytes);
    publish_.name = name_.c_str();
    publish_.version = version_.c_str();
    publish_.loader = options.loader.empty() ? nullptr : options.loader.c_str();
    for (const pinnate_artifact& artifact : artifacts_) artifact_pointers_.push_back(&artifact);
    publish_.artifacts = artifact_pointers_.data();
    publish_.artifact_count = artifact_pointers_.size();
    publish_.config = {config_.data(), config_.size()};
    publish_.selector = options.selector.empty() ? nullptr : options.selector.c_str();
    publish_.keep_older = options.keep_older;
    for (const std::string& word : options.allow) allow_ += (allow_.empty() ? "" : ",") + word;
    publish_.allow = allow_.c_str();
    publish_.stop_first = options.replace == "stop-first";
    publish_.load_limit_ms = milliseconds(options.load_limit);
    publish_.create_limit_ms = milliseconds(options.create_limit);
    publish_.health_limit_ms = milliseconds(options.health_limit);
    publish_.call_limit_ms = milliseconds(options.call_limit);
    publish_.drain_limit_ms = milliseconds(options.drain_limit);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const pinnate_publish& get() const { return publish_; }
  const std::string& name() const { return name_; }
  std::string title() const { return name_ + " " + version_; }

 private:
  static std::uint32_t milliseconds(const std::optional<Milliseconds>& limit) {
    return limit ? static_cast<std::uint32_t>(limit->count()) : 0;
  }

  void add_platform(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw Failure(ExitCode::kUsage,
                    "--platform: '" + text + "' must be PLATFORM=FILE, e.g. linux-aarch64=build/arm/m.so");
    }
    platform_names_.push_back(std::make_unique<std::string>(text.substr(0, equals)));
    add_artifact(platform_names_.back()->c_str(), text.c_str() + equals + 1);
  }

  void add_artifact(const char* platform, const char* path) {
    artifacts_.push_back({sizeof(pinnate_artifact), platform, path, {nullptr, 0}});
  }

  const PublishOptions& options_;
  std::string name_, version_, config_, allow_;
  std::vector<std::unique_ptr<std::string>> platform_names_;
  std::vector<pinnate_artifact> artifacts_;
  std::vector<const pinnate_artifact*> artifact_pointers_;
  pinnate_publish publish_ = PINNATE_PUBLISH_INIT;
};

ExitCode code_of(Rollout::End end) {
  switch (end) {
    case Rollout::End::kServed:
      return ExitCode::kOk;
    case Rollout::End::kLate:
      return ExitCode::kTimeout;
    default:
      return ExitCode::kFailed;
  }
}

const char* name_of(Rollout::End end) {
  switch (end) {
    case Rollout::End::kServed:
      return "served";
    case Rollout::End::kNotServed:
      return "not served by all";
    case Rollout::End::kReplaced:
      return "replaced";
    case Rollout::End::kLate:
      return "timeout";
  }
  return "unknown";
}

void print_published(const Published& published, const std::string& title) {
  std::string line =
      published.created ? "published " + title + " as release " : title + " is already current: release ";
  line += std::to_string(published.release) + ", revision " + std::to_string(published.revision);
  if (published.created) {
    line += "; prepared in " + duration_text(published.prepare_us / 1000.0) + ", on disk after " +
            duration_text(published.durable_us / 1000.0);
  }
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void print_end(const Rollout& rollout, const std::vector<Absentee>& absent, const std::string& name,
               const std::string& title) {
  const std::uint64_t selected = rollout.status ? rollout.status->online_selected() : 0;
  const std::uint64_t live = rollout.status ? rollout.status->count(PINNATE_PHASE_LIVE) : 0;
  switch (rollout.end) {
    case Rollout::End::kServed:
      if (selected == 0) {
        const std::uint64_t offline = rollout.status ? rollout.status->count(PINNATE_PHASE_OFFLINE) : 0;
        std::printf("no engine that is online is selected%s; those that come will get it\n",
                    offline > 0 ? (" (" + std::to_string(offline) + " are offline)").c_str() : "");
      } else {
        std::printf("%s is live on all %llu selected online engines\n", title.c_str(),
                    static_cast<unsigned long long>(live));
      }
      return;
    case Rollout::End::kReplaced:
      std::printf("another decision took the place of this release of %s (see `pinnate history`)\n", title.c_str());
      return;
    case Rollout::End::kLate:
      std::printf("not settled within --timeout: %s\n",
                  rollout.status ? phases_text(*rollout.status).c_str() : "no word of this release yet");
      break;
    case Rollout::End::kNotServed:
      std::printf("%s is live on %llu of %llu selected online engines\n", title.c_str(),
                  static_cast<unsigned long long>(live), static_cast<unsigned long long>(selected));
      if (rollout.gone > 0) {
        std::printf("  %llu that were online when it came are not any more (`pinnate engines --phase offline`)\n",
                    static_cast<unsigned long long>(rollout.gone));
      }
      break;
  }
  for (const Absentee& absentee : absent) {
    const std::string reason = absentee.reason.empty() ? "" : ": " + absentee.reason;
    std::printf("  %s: %s%s\n", place_text(absentee.path, absentee.engine).c_str(), pinnate_phase_name(absentee.phase),
                reason.c_str());
  }
  const std::string all = rollout.status ? without_text(*rollout.status, absent.size()) : "";
  if (!all.empty()) {
    std::printf("  ... %s in all (`pinnate engines --name %s` lists them)\n", all.c_str(), name.c_str());
  }
}

void write_json_line(const PublishOptions& options, const Published& published, const Rollout* rollout,
                     const std::vector<Absentee>& absent) {
  JsonText json;
  json.begin_object().member("NAME@VERSION", options.module).member("release", published.release);
  json.member("epoch", published.epoch).member("revision", published.revision).member("created", published.created);
  json.member("prepare_us", std::uint64_t{published.prepare_us})
      .member("durable_us", std::uint64_t{published.durable_us});
  if (rollout != nullptr) {
    json.member("end", name_of(rollout->end));
    json.member("selected", rollout->status ? rollout->status->online_selected() : 0);
    json.member("live", rollout->status ? rollout->status->count(PINNATE_PHASE_LIVE) : 0).member("gone", rollout->gone);
    json.key("without").begin_array();
    for (const Absentee& absentee : absent) {
      json.begin_object().member("engine", absentee.engine).member("path", absentee.path);
      json.member("phase", pinnate_phase_name(absentee.phase)).member("reason", absentee.reason).end_object();
    }
    json.end_array();
  }
  json.end_object();
  std::printf("%s\n", json.text().c_str());
}

// What costs; what is refused is the publish's to say.
void warn_of(const pinnate_publish& publish, const std::vector<std::string>& allowed) {
  for (std::size_t i = 0; i < publish.artifact_count; ++i) {
    try {
      for (const Finding& finding : check_artifact(*publish.artifacts[i]).findings) {
        if (finding.refused || std::find(allowed.begin(), allowed.end(), finding.word) != allowed.end()) continue;
        std::fprintf(stderr, "warning: %s: %s [%s]\n", shown(publish.artifacts[i]->path).c_str(),
                     shown(finding.text).c_str(), finding.word.c_str());
      }
    } catch (const Failure&) {
      return;  // the publish says it, too
    }
  }
}

ExitCode run(const PublishOptions& options) {
  const Request request(options);
  if (options.loader.empty() || options.loader == "native") warn_of(request.get(), options.allow);
  const Milliseconds timeout = options.target.timeout.value_or(Milliseconds(60'000));
  const Deadline deadline = deadline_after(timeout);
  Session session(target_of(options.target), timeout);
  const Terminal terminal(stderr);
  ProgressLine progress(terminal);

  const auto on_stored = [&](std::uint64_t done, std::uint64_t total) {
    // Off a terminal a line per chunk would be noise.
    if (options.json || !terminal.redraws()) return;
    const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
    progress.show("storing", share, size_text(done) + " of " + size_text(total));
  };
  const Published published = session.publish(request.get(), on_stored);
  progress.finish();
  if (!options.json) print_published(published, request.title());
  if (!options.wait) {
    if (options.json) write_json_line(options, published, nullptr, {});
    return ExitCode::kOk;
  }

  const Rollout rollout = await_rollout(session, published, deadline, [&](const ReleaseStatus& status) {
    if (!options.json) show(progress, request.title(), status);
  });
  progress.finish();
  std::vector<Absentee> absent;
  if (rollout.end == Rollout::End::kNotServed || rollout.end == Rollout::End::kLate) {
    absent = absentees(session, request.name(), published.release, kNamedAbsentees);
  }
  if (options.json) {
    write_json_line(options, published, &rollout, absent);
  } else {
    print_end(rollout, absent, request.name(), request.title());
  }
  return code_of(rollout.end);
}

}  // namespace

void add_publish(CommandLine& line) { add_command<PublishOptions>(line, "publish", "publish a module to the fleet"); }

}  // namespace cli
