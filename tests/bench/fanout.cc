// From one publish to every engine.
#include "arguments.h"
#include "fleet.h"
#include "json_line.h"
#include "measurements.h"
#include "process_memory.h"

#include <unistd.h>

#include <algorithm>
#include <string>

namespace bench {

const char kFanoutHelp[] = R"(pinnate-bench fanout --receivers N --bytes B --gateways G [OPTION...]

Publishes a module of B bytes of noise to N engines behind G gateways: a controller process, G gateway processes, one process with all
engines. Prints one line of JSON per publish. Its members, times in seconds:
  prepare                 cutting into chunks and hashing
  durable                 from when the controller has the last chunk until all of it is on its disk, synced, and the release
                          with it
  call_to_...             counted from the publish call
  acknowledged_to_...     counted from the acknowledgement, after which it is sent downstream; what was there before counts as negative
  ..._first_verified      the first engine has the artifact, whole and verified: its loader is called
  ..._last_verified       the last engine has
  ..._last_live           the last engine serves it
  undurable_to_last_verified   call_to_last_verified without durable; with 0 gateways, engines are linked to the controller
  links                   bytes of the connections of each hop, from before the publish until all are live: how many connections
                          there are, the least and the most that went down one, and what went down and up in all
  peak_bytes              peak memory (VmHWM) of the controller, of the largest gateway, and of the process of all engines

  --receivers N       1 to 10000
  --bytes B           1 to 268435456
  --gateways G        0 to 64
  --last-hop KIND     tcp (default) or unix: between gateways and engines
  --repeat K          publishes, each of other bytes, one after the other; 1 to 1000, default 1
  --state FOLDER      where the controller's folder is made, and removed; default $TMPDIR or /tmp
  --patience SECONDS  how long any step may take; 1 to 3600, default 120
)";

namespace {

// Longer than a roll-up may wait (100 ms) and the new links of all engines take to be settled on
// both sides.
constexpr useconds_t kRestUs = 300'000;

double seconds(std::int64_t from_ns, const std::string& to_ns) { return double(std::stoll(to_ns) - from_ns) / 1e9; }

void count_links(Fleet* fleet) {
  fleet->controller().ask({"count-links"}, "counted", fleet->patience());
  fleet->engines().ask({"count-links"}, "counted", fleet->patience());
}

void add_links(JsonLine* links, const char* name, Child* child, double patience) {
  const auto words = child->ask({"links-since"}, "links", patience);
  links->add(name, JsonLine()
                       .add("links", std::stoull(words.at(0)))
                       .add("down_least", std::stoull(words.at(1)))
                       .add("down_most", std::stoull(words.at(2)))
                       .add("down_sum", std::stoull(words.at(3)))
                       .add("up_sum", std::stoull(words.at(4))));
}

JsonLine links_of(Fleet* fleet) {
  JsonLine links;
  if (!fleet->gateways().empty()) add_links(&links, "controller_gateway", &fleet->controller(), fleet->patience());
  add_links(&links, fleet->gateways().empty() ? "controller_engine" : "gateway_engine", &fleet->engines(),
            fleet->patience());
  return links;
}

JsonLine peaks_of(Fleet* fleet) {
  JsonLine peaks;
  peaks.add("controller", peak_bytes(fleet->controller().pid()));
  std::uint64_t gateway = 0;
  for (const auto& child : fleet->gateways()) gateway = std::max(gateway, peak_bytes(child->pid()));
  if (gateway == 0)
    peaks.add_null("gateway");
  else
    peaks.add("gateway", gateway);
  return peaks.add("engines", peak_bytes(fleet->engines().pid()));
}

}  // namespace

int run_fanout(const std::vector<std::string>& words) {
  const Arguments given(words, {"receivers", "bytes", "gateways", "last-hop", "repeat", "state", "patience"});
  const std::uint64_t receivers = given.number("receivers", 0, 1, 10000),
                      bytes = given.number("bytes", 0, 1, 256 << 20);
  const std::uint64_t gateways = given.number("gateways", 65, 0, 64), repeat = given.number("repeat", 1, 1, 1000);
  if (receivers == 0 || bytes == 0 || gateways == 65)
    throw WrongUsage("fanout needs --receivers, --bytes and --gateways");
  const std::string last_hop = given.choice("last-hop", {"tcp", "unix"});
  if (gateways == 0 && last_hop == "unix") throw WrongUsage("--last-hop unix needs a gateway");

  Fleet fleet(given.text("state", ""), double(given.number("patience", 120, 1, 3600)));
  std::vector<std::string> upstreams;
  for (std::uint64_t g = 0; g < gateways; g++) upstreams.push_back(fleet.add_gateway(last_hop));
  fleet.open_engines(receivers, upstreams);
  fleet.wait_online();

  for (std::uint64_t run = 1; run <= repeat; run++) {
    usleep(kRestUs);  // time itself is under test: no event tells that a fleet is at rest
    fleet.engines().ask({"expect", std::to_string(run)}, "expected", fleet.patience());
    count_links(&fleet);
    const Fleet::Published published = fleet.publish("bytes", run, bytes);
    const auto arrived = fleet.engines().ask({"arrived"}, "arrived", fleet.patience());
    const double last_verified = seconds(published.called_ns, arrived.at(1));
    JsonLine line;
    line.add("bench", "fanout").add("receivers", receivers).add("bytes", bytes).add("gateways", gateways);
    line.add("last_hop", last_hop).add("run", run);
    line.add("prepare", published.prepare_s, 6).add("durable", published.durable_s, 6);
    line.add("call_to_acknowledged", double(published.acknowledged_ns - published.called_ns) / 1e9, 6);
    line.add("call_to_first_verified", seconds(published.called_ns, arrived.at(0)), 6);
    line.add("call_to_last_verified", last_verified, 6);
    line.add("call_to_last_live", seconds(published.called_ns, arrived.at(2)), 6);
    line.add("acknowledged_to_last_verified", seconds(published.acknowledged_ns, arrived.at(1)), 6);
    line.add("acknowledged_to_last_live", seconds(published.acknowledged_ns, arrived.at(2)), 6);
    line.add("undurable_to_last_verified", last_verified - published.durable_s, 6);
    line.add("delivered_MBps", double(receivers * bytes) / last_verified / 1e6, 0);
    fleet.wait_serving(run);
    line.add("links", links_of(&fleet)).add("peak_bytes", peaks_of(&fleet));
    line.print();
  }
  return 0;
}

}  // namespace bench
