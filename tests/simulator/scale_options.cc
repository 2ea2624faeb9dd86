#include "simulator/scale_options.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pinnate::simulator {

const char* const kScaleHelp =
    "pinnate-sim scale [fleet|traffic|restart|storm|status|named|overtake|functions|all] [--engines N] [--sites N] "
    "[--clusters N] [--functions N] [--bytes B] [--seed N] [--help]\n"
    "\n"
    "  fleet     from publish to the last engine live: wall time, memory (100000 engines on 1000 sites)\n"
    "  traffic   messages and bytes at the controller per release, for 1, 10, 100 and 1000 engines per site (10 "
    "sites)\n"
    "  restart   what reaches the controller when the engines of one gateway reconnect at once (1000 engines)\n"
    "  storm     all sites reconnect after the controller restarted: dials per 100 ms, longest heartbeat gap (1000 "
    "sites)\n"
    "  named     a call to one engine of 10000 sites over links of 20 ms: how long, and who is asked\n"
    "  status    what a gateway holds that knows 1000 releases, 10 of which select each of its engines (1000 engines)\n"
    "  overtake  a second version is published while the first is on its way over slow links (4 sites, 16 engines)\n"
    "  functions a message to one engine with many functions, and opening it (4096 functions)\n"
    "  all       these, in this order\n"
    "\n"
    "  --engines N   engines in all            --clusters N  container gateways per site; 0: engines stand right below "
    "the site's\n"
    "  --sites N     edge nodes                --bytes B     size of the artifact that is published\n"
    "  --seed N      decides all that happens    --functions N   on one engine\n"
    "\n"
    "Prints lines `reach NAME MEASURED LIMIT ok|short`; exits 1 when one is short.\n";

namespace {

bool number(const char* text, std::uint64_t least, std::uint64_t most, std::uint64_t* out) {
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, *out);
  return error == std::errc() && at == end && at != text && *out >= least && *out <= most;
}

}  // namespace

std::optional<ScaleOptions> parse_scale(int argc, char** argv, std::string* error) {
  ScaleOptions options;
  error->clear();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") return std::nullopt;
    if (argument.starts_with("--")) {
      std::uint64_t value = 0;
      const bool small = argument == "--clusters" || argument == "--seed";
      const std::uint64_t most = argument == "--seed"    ? ~std::uint64_t{0}
                                 : argument == "--bytes" ? 256u << 20
                                                         : 10000000;
      if (argument != "--engines" && argument != "--sites" && argument != "--functions" && argument != "--bytes" &&
          !small) {
        *error = "unknown option " + argument;
        return std::nullopt;
      }
      if (i + 1 >= argc || !number(argv[++i], small ? 0 : 1, most, &value)) {
        *error = argument + " takes a number from " + (small ? "0" : "1") + " to " + std::to_string(most);
        return std::nullopt;
      }
      if (argument == "--engines") options.engines = static_cast<std::uint32_t>(value);
      if (argument == "--functions") options.functions = static_cast<std::uint32_t>(value);
      if (argument == "--sites") options.sites = static_cast<std::uint32_t>(value);
      if (argument == "--clusters") options.clusters = static_cast<std::uint32_t>(value);
      if (argument == "--bytes") options.bytes = value;
      if (argument == "--seed") options.seed = value;
      continue;
    }
    options.what = argument;
    const auto parts = {"fleet", "traffic", "restart", "storm", "status", "named", "overtake", "functions", "all"};
    if (std::find(parts.begin(), parts.end(), argument) == parts.end()) {
      *error =
          "there is no part '" + argument + "'; there are: fleet traffic restart storm status named overtake functions all";
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace pinnate::simulator
