#include "tiers.h"

#include "call_commands.h"

#include <pinnate/client.h>

namespace bench {

void run_client(const Words& arguments) {
  pinnate_client* client = nullptr;
  std::map<std::string, Command> commands;
  commands["open"] = [&](const Words& words) {
    pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
    options.tier = tier_options("client");
    options.to = words.at(0).c_str();
    check(pinnate_client_open(&options, &client), "client");
    answer({"ready"});
  };
  commands["call"] = [&](const Words& words) { answer_times(measure_calls(client, read_load(words))); };
  serve(commands, "open", arguments);
}

}  // namespace bench
