#include "command_line.h"
#include "tier_command.h"

#include <pinnate/gateway.h>

namespace cli {

namespace {

struct GatewayFlags {
  TierFlags tier;
};

void set_up(CLI::App& app, GatewayFlags& flags) {
  Settings& given = flags.tier.given;
  add_tier_flags(app, flags.tier);
  const std::function<void(const std::string&)> take_up = [&given](const std::string& text) { given.up = text; };
  const std::function<void(const std::string&)> take_cache = [&given](const std::string& text) { given.cache = text; };
  app.add_option_function("--up", take_up, "dial the controller or gateway above (else it dials us, at --listen)")
      ->type_name("ADDR");
  app.add_option("--down", given.down, "keep a link to a gateway or engine that listens there; repeat for more")
      ->type_name("ADDR")
      ->take_all();
  app.add_option("--members", given.members,
                 "find who is below there, and keep links to them; repeat for more:\n"
                 "dns:NAME:PORT, srv:NAME, kubernetes:NAMESPACE/SERVICE, docker:SOCKET?label=KEY=VALUE,\n"
                 "file:PATH or static:ADDR,ADDR, with options that README lists")
      ->type_name("SOURCE")
      ->take_all();
  app.add_option_function("--cache", take_cache,
                          "folder where artifacts and desired state survive a restart (default: memory only)")
      ->type_name("DIR");
  add_size(app, "--cache-limit", given.cache_limit,
           "how much all artifacts that are held may take; those of current releases are kept\n"
           "even over it (default 1GiB)");
  add_duration(app, "--forget-after", given.forget_after, "how long an offline tier is remembered (default 1d)");
  app.footer(
      "Examples:\n"
      "  pinnate gateway --id site-1 --up tcp://127.0.0.1:7070 --listen unix:/run/pinnate/site-1.sock\n"
      "  pinnate gateway --up tcp://10.0.0.2:7070 --listen unix:/run/g.sock --members dns:engines.edge.svc:7070\n"
      "  pinnate gateway --up unix:/run/pinnate/site-1.sock --listen unix:/run/pod/gateway.sock --cache "
      "/var/cache/pinnate");
}

ExitCode run(const GatewayFlags& flags) {
  const Settings settings = settings_of(flags.tier, Reader::kGateway);
  if (!settings.up && settings.listen.empty()) {
    throw Failure(ExitCode::kUsage, "this gateway has no way up: give --up ADDR, or --listen ADDR to be dialled");
  }
  if (settings.listen.empty() && settings.down.empty() && settings.members.empty()) {
    throw Failure(ExitCode::kUsage,
                  "this gateway has nothing below: give --listen ADDR, --members SOURCE, or --down ADDR");
  }
  StopSignals stop;
  const TierOptions tier(settings);
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  options.tier = tier.get();
  options.cache_dir = or_null(settings.cache);
  options.cache_limit_bytes = settings.cache_limit.value_or(0);
  options.forget_after_ms = static_cast<std::uint32_t>(settings.forget_after.value_or(Milliseconds(0)).count());

  Opened<pinnate_gateway, pinnate_gateway_close_wait, pinnate_gateway_free> gateway;
  check(pinnate_gateway_open(&options, gateway.receive()));
  for (const std::string& source : settings.members) {
    check(pinnate_gateway_add_source(gateway.get(), source.c_str(), nullptr));
  }
  if (settings.up) check(pinnate_gateway_dial_upstream(gateway.get(), settings.up->c_str(), nullptr));
  for (const std::string& address : settings.down) {
    check(pinnate_gateway_dial_downstream(gateway.get(), address.c_str(), nullptr));
  }
  listen_at(settings, gateway.get(), pinnate_gateway_listen);  // last: it says that all is well
  run_until_stopped("gateway", stop);
  return ExitCode::kOk;
}

}  // namespace

void add_gateway(CommandLine& line) {
  add_command<GatewayFlags>(line, "gateway",
                            "run a gateway, a relay between upstream and downstream, in the foreground", Kind::runs);
}

}  // namespace cli
