#include "command_line.h"
#include "file_bytes.h"
#include "session.h"
#include "shown_text.h"
#include "terminal.h"

#include <unistd.h>

namespace cli {

namespace {

struct CallOptions {
  TargetOptions target;
  std::string name;
  std::string text;
  std::string file;
  std::string engine;
  std::string out;
  bool idempotent = false;
};

void set_up(CLI::App& app, CallOptions& options) {
  add_target_options(app, options.target, "how long the call may take (default 10s)");
  named_alone(app.add_option("NAME", options.name, "the function"))->required();
  auto* text = app.add_option("--data", options.text, "the payload, as text (default: empty)")->option_text("TEXT");
  app.add_option("--file", options.file, "the payload from a file instead; - is stdin")
      ->option_text("FILE")
      ->excludes(text);
  app.add_option("--at", options.engine, "only this engine (default: any that serves it)")->type_name("ENGINE");
  app.add_option("--out", options.out,
                 "write the result there (default: to stdout, as it is, but escapes for what controls a terminal)")
      ->type_name("FILE");
  app.add_flag("--idempotent", options.idempotent, "it may run again elsewhere when a link is lost meanwhile");
  app.footer(
      "Examples:\n"
      "  pinnate call thumbnail --file photo.jpg --out thumbnail.jpg\n"
      "  echo 21.5 | pinnate call anomaly --file - --at engine-01");
}

ExitCode run(const CallOptions& options) {
  const std::string payload = options.file.empty() ? options.text : file_bytes(options.file, kPayloadLimitBytes);
  pinnate_call call = PINNATE_CALL_INIT;
  call.name = options.name.c_str();
  call.payload = {payload.data(), payload.size()};
  call.engine = options.engine.empty() ? nullptr : options.engine.c_str();
  call.idempotent = options.idempotent ? 1 : 0;
  Session session(target_of(options.target), options.target.timeout.value_or(Milliseconds(10'000)));
  const CallResult result = session.call(call);
  if (result.status != PINNATE_OK) {
    std::string words = result.error.empty() ? pinnate_status_name(result.status) : result.error;
    // What the service said may be in the error already.
    if (!result.bytes.empty() && words.find(result.bytes) == std::string::npos) words += ": " + result.bytes;
    throw failure_of(result.status, words);
  }
  if (!options.out.empty()) {
    write_file(options.out, result.bytes);
  } else {
    Terminal(stdout).print(isatty(STDOUT_FILENO) == 1 ? shown_lines(result.bytes) : result.bytes);
  }
  return ExitCode::kOk;
}

}  // namespace

void add_call(CommandLine& line) { add_command<CallOptions>(line, "call", "call a function somewhere in the fleet"); }

}  // namespace cli
