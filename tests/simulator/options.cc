#include "simulator/options.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace pinnate::simulator {
namespace {

bool read_number(std::string_view text, std::uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "A..B"
bool read_range(std::string_view text, std::uint64_t* first, std::uint64_t* last) {
  const std::size_t dots = text.find("..");
  return dots != std::string_view::npos && read_number(text.substr(0, dots), first) &&
         read_number(text.substr(dots + 2), last) && *first <= *last && *last - *first < 100000000;
}

template <class F>
bool each_part(std::string_view text, F&& f) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (!f(text.substr(0, comma))) return false;
    text.remove_prefix(std::min(text.size(), comma + 1));
  }
  return true;
}

// "3,5-9"
bool read_places(std::string_view text, std::set<std::size_t>* places) {
  return each_part(text, [&](std::string_view part) {
    const std::size_t dash = std::min(part.find('-'), part.size());
    std::uint64_t first = 0, last = 0;
    if (!read_number(part.substr(0, dash), &first)) return false;
    last = first;
    if (dash < part.size() && !read_number(part.substr(dash + 1), &last)) return false;
    if (last < first || last > 1000000) return false;
    for (std::uint64_t i = first; i <= last; ++i) places->insert(std::size_t(i));
    return true;
  });
}

std::optional<std::string> read_faults(std::string_view text, std::set<Act>* faults) {
  if (text == "none") return std::nullopt;
  std::string unknown;
  each_part(text, [&](std::string_view name) {
    const auto act = act_named(name);
    if (!act || facts_of(*act).kind != ActKind::fault)
      unknown = name;
    else
      faults->insert(*act);
    return unknown.empty();
  });
  if (unknown.empty()) return std::nullopt;
  return "--faults: there is no fault '" + unknown + "'; --list-faults names them";
}

}  // namespace

const char* const kUsage =
    R"(Runs the tiers as they ship in a simulated world, with faults of all kinds, and holds every promise against it.

  pinnate-sim [--seed N | --seeds A..B] [OPTION...]
  pinnate-sim --hunt [--seeds A..B]       each planted bug must be caught by some seed
  pinnate-sim scale ...                   large fleets; see pinnate-sim scale --help

  --seed N         one run; the seed decides everything in it (1)
  --seeds A..B     many runs, over all cores; ends with the lowest seed that fails
  --jobs N         runs at once (one per core)
  --nodes N        sites below the controller                   these four and --steps
  --depth N        levels of gateways, 1 to 8                    are drawn from the seed
  --clusters N     gateways below each gateway, where depth > 1  where they are not given
  --engines N      engines below each lowest gateway
  --steps N        things that are done to the fleet (50)
  --faults LIST    of these faults alone, separated by commas, or none; --list-faults names them
  --skip LIST      leave these steps out, as 3,5-9: a smaller run of the same seed
  --trace          print every event; for one seed
  --shrink         when a run fails, find a smaller fleet and fewer steps that still fail
  --plant NAME     with one known bug planted; --list-plants names them
  --list-plants, --list-faults, --help

Ends with 0, or with 1 when a promise was broken (or, with --hunt, when a planted bug was not caught), or with 2 for wrong usage. The last
line is a digest of everything that happened: the same seed and options give the same digest.
)";

std::optional<std::string> read_options(int argc, char** argv, Options* o) {
  bool one_seed = false, range = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace")
      o->trace = true;
    else if (name == "--shrink")
      o->shrink = true;
    else if (name == "--hunt")
      o->hunt = true;
    else if (name == "--list-plants")
      o->list_plants = true;
    else if (name == "--list-faults")
      o->list_faults = true;
    else if (name == "--help" || name == "-h")
      o->help = true;
    else {
      const auto number_of = [&]() -> std::optional<std::uint32_t>* {
        if (name == "--nodes") return &o->overrides.nodes;
        if (name == "--depth") return &o->overrides.depth;
        if (name == "--clusters") return &o->overrides.clusters;
        if (name == "--engines") return &o->overrides.engines;
        if (name == "--steps") return &o->overrides.steps;
        return nullptr;
      };
      const bool known = name == "--seed" || name == "--seeds" || name == "--jobs" || name == "--faults" ||
                         name == "--skip" || name == "--plant" || number_of();
      if (!known) return "there is no option '" + std::string(name) + "'; --help names them";
      if (i + 1 == argc) return std::string(name) + " needs a value";
      const std::string_view value = argv[++i];
      std::uint64_t number = 0;
      if (name == "--seed") {
        if (!read_number(value, &o->first_seed)) return "--seed: '" + std::string(value) + "' is no number";
        o->last_seed = o->first_seed;
        one_seed = true;
      } else if (name == "--seeds") {
        if (!read_range(value, &o->first_seed, &o->last_seed))
          return "--seeds: '" + std::string(value) + "' is no range A..B";
        range = true;
      } else if (name == "--faults") {
        o->overrides.faults.emplace();
        if (auto wrong = read_faults(value, &*o->overrides.faults)) return wrong;
      } else if (name == "--skip") {
        if (!read_places(value, &o->overrides.skipped))
          return "--skip: '" + std::string(value) + "' is no list like 3,5-9";
      } else if (name == "--plant") {
        o->plant = plant_named(value);
        if (!o->plant) return "--plant: there is no plant '" + std::string(value) + "'; --list-plants names them";
      } else {
        const std::uint64_t most = name == "--steps" ? 100000 : name == "--depth" ? 8 : name == "--jobs" ? 256 : 100000;
        if (!read_number(value, &number) || number == 0 || number > most)
          return std::string(name) + ": '" + std::string(value) + "' is no number from 1 to " + std::to_string(most);
        if (auto* which = number_of())
          *which = std::uint32_t(number);
        else
          o->jobs = unsigned(number);
      }
    }
  }
  if (one_seed && range) return "--seed and --seeds do not go together";
  if (o->trace && o->first_seed != o->last_seed) return "--trace is for one seed";
  if (o->hunt && o->plant) return "--hunt plants every bug in turn: --plant has no place beside it";
#ifdef PINNATE_WITHOUT_PLANTS
  if (o->hunt || o->plant) return "this build holds no planted bugs: a sanitized one takes the library as it is";
#endif
  if (o->hunt && !range) o->last_seed = 2000;
  return std::nullopt;
}

}  // namespace pinnate::simulator
