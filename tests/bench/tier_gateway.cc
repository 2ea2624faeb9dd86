#include "tiers.h"

#include <pinnate/gateway.h>

namespace bench {

void run_gateway(const Words& arguments) {
  raise_file_limit();
  std::map<std::string, Command> commands;
  commands["open"] = [](const Words& words) {
    pinnate_gateway* gateway = nullptr;
    pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
    options.tier = tier_options(words.at(0).c_str());
    char bound[256];
    check(pinnate_gateway_open(&options, &gateway), "gateway");
    check(pinnate_gateway_listen(gateway, words.at(2).c_str(), bound, sizeof bound, nullptr), "gateway");
    check(pinnate_gateway_dial_upstream(gateway, words.at(1).c_str(), nullptr), "gateway");
    answer({"ready", bound});
  };
  serve(commands, "open", arguments);
}

}  // namespace bench
