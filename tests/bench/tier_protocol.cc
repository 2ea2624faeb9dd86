#include "tier_protocol.h"

#include "link_bytes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

void log_line(void*, pinnate_log_level, const char* message) {
  std::fprintf(stderr, "[%d] %s\n", int(getpid()), message);
}

}  // namespace

void answer(const Words& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void serve(const std::map<std::string, Command>& commands, const std::string& first, const Words& arguments) {
  try {
    commands.at(first)(arguments);
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream in(line);
      std::string name, word;
      Words words;
      in >> name;
      while (in >> word) words.push_back(word);
      const auto found = commands.find(name);
      if (found == commands.end()) throw std::runtime_error("no command '" + name + "'");
      found->second(words);
    }
  } catch (const std::exception& e) {
    answer({"error", e.what()});
  }
  _exit(0);  // what the library's thread still does does not matter
}

void check(pinnate_status status, const std::string& what) {
  if (status != PINNATE_OK)
    throw std::runtime_error(what + ": " + pinnate_status_name(status) + ": " + pinnate_last_error());
}

pinnate_tier_options tier_options(const char* id) {
  pinnate_tier_options options = PINNATE_TIER_OPTIONS_INIT;
  options.id = id;
  if (std::getenv("PINNATE_BENCH_LOG")) {
    options.log = log_line;
    options.log_level = PINNATE_LOG_WARNING;
  }
  return options;
}

void add_link_commands(std::map<std::string, Command>* commands, bool above) {
  const auto before = std::make_shared<std::map<LinkName, LinkBytes>>();
  (*commands)["count-links"] = [before](const Words&) {
    *before = link_bytes();
    answer({"counted"});
  };
  (*commands)["links-since"] = [before, above](const Words&) {
    std::uint64_t least = UINT64_MAX, most = 0, down_sum = 0, up_sum = 0;
    const auto now = link_bytes();
    for (const auto& [name, bytes] : now) {
      const LinkBytes earlier = (*before)[name];
      const std::uint64_t out = bytes.out - earlier.out, in = bytes.in - earlier.in;
      const std::uint64_t down = above ? out : in;
      least = std::min(least, down);
      most = std::max(most, down);
      down_sum += down;
      up_sum += above ? in : out;
    }
    answer({"links", std::to_string(now.size()), std::to_string(now.empty() ? 0 : least), std::to_string(most),
            std::to_string(down_sum), std::to_string(up_sum)});
  };
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  rlimit higher = limit;
  higher.rlim_cur = higher.rlim_max = std::max<rlim_t>(limit.rlim_max, 65536);
  if (setrlimit(RLIMIT_NOFILE, &higher) == 0) return;  // root's
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace bench
