#include "fleet_tree.h"

#include "session.h"

#include <algorithm>
#include <map>

namespace cli {

namespace {

// What one screen and one answer can bear; whoever wants more lists engines below one gateway.
constexpr std::size_t kRows = 20'000;

// Engines of one parent that are in the same state.
struct Group {
  const Tier* example;
  std::vector<PeerText> ids;
};

std::vector<Group> grouped(const std::vector<Tier>& engines) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> index;
  for (const Tier& engine : engines) {
    const std::string state = (engine.online ? "1" : "0") + services_text(engine) + "\n" + engine.notice;
    const auto [place, fresh] = index.emplace(state, groups.size());
    if (fresh) groups.push_back({&engine, {}});
    groups[place->second].ids.push_back(engine.id);
  }
  return groups;
}

std::string names(const std::vector<PeerText>& ids) {
  constexpr std::size_t kNamed = 4;
  std::string text;
  const std::size_t named = ids.size() <= kNamed ? ids.size() : kNamed - 1;
  for (std::size_t i = 0; i < named; ++i) text += (i == 0 ? "" : ", ") + ids[i];
  if (named < ids.size()) text += " and " + std::to_string(ids.size() - named) + " more";
  return text;
}

// A release that another has taken the place of is still there where it serves until the other is
// live, if ever.
bool is_hidden(const Service& service) { return service.phase == PINNATE_PHASE_NOT_SELECTED && !service.serving; }

std::string phase_text(const Service& service) {  // of one that is shown
  return service.phase == PINNATE_PHASE_NOT_SELECTED ? "still serves" : pinnate_phase_name(service.phase);
}

std::string painted_service(const Service& service, const Terminal& terminal) {
  std::string text = service.name + " " + service.version + " ";
  const std::string phase = phase_text(service);
  switch (service.phase) {
    case PINNATE_PHASE_LIVE:
      return text + terminal.green(phase);
    case PINNATE_PHASE_FAILED:
    case PINNATE_PHASE_INCOMPATIBLE:
      return text + terminal.red(phase) + (service.reason.empty() ? "" : ": " + service.reason);
    default:
      return text + terminal.yellow(phase);
  }
}

std::string state_of(const Tier& engine, const Terminal& terminal) {
  std::string text;
  for (const Service& service : engine.services) {
    if (is_hidden(service)) continue;
    if (!text.empty()) text += ", ";
    text += painted_service(service, terminal);
  }
  if (text.empty()) text = terminal.faint("no service");
  if (!engine.online) text = terminal.red("offline") + (engine.services.empty() ? "" : ", last known " + text);
  if (!engine.notice.empty()) text += "; " + terminal.yellow(engine.notice);
  return text;
}

// Of a gateway, or of the root of the tree.
template <class Counts>
std::string counts_text(const Counts& of) {
  return std::to_string(of.online_engines) + " of " + std::to_string(of.known_engines) + " engines online, revision " +
         std::to_string(of.revision);
}

std::string state_of_gateway(const Tier& gateway, const Terminal& terminal) {
  std::string text = gateway.online ? terminal.green("online") : terminal.red("offline");
  text += ", " + counts_text(gateway);
  if (!gateway.notice.empty()) text += "; " + terminal.yellow(gateway.notice);
  return text;
}

class Drawing {
 public:
  explicit Drawing(const Terminal& terminal) : terminal_(terminal) {}

  void root(const FleetTree& tree) {
    item(terminal_.bold(tree.root), terminal_.green("online") + ", " + counts_text(tree));
    children("", tree.below, tree.engines);
    if (tree.cut) text_ += "(cut here; `pinnate engines --at GATEWAY` lists the rest)\n";
  }

  std::string take() { return std::move(text_); }

 private:
  void children(const std::string& prefix, const std::vector<Branch>& gateways, const std::vector<Tier>& engines) {
    const bool lines = terminal_.draws_lines();
    const std::vector<Group> groups = grouped(engines);
    std::size_t left = gateways.size() + groups.size();
    const auto connector = [&] { return prefix + (--left == 0 ? (lines ? "└─ " : "`- ") : (lines ? "├─ " : "|- ")); };
    for (const Branch& branch : gateways) {
      item(connector() + terminal_.bold(branch.tier.id), state_of_gateway(branch.tier, terminal_));
      children(prefix + (left == 0 ? "   " : (lines ? "│  " : "|  ")), branch.below, branch.engines);
    }
    for (const Group& group : groups) item(connector() + names(group.ids), state_of(*group.example, terminal_));
  }

  void item(const std::string& left, const std::string& right) {
    constexpr std::size_t kRight = 46;  // where states begin, so that they can be read down a column
    const std::size_t taken = columns_of(left);
    text_ += left + std::string(taken + 2 < kRight ? kRight - taken : 2, ' ') + right + "\n";
  }

  const Terminal& terminal_;
  std::string text_;
};

void write_engines(JsonText& json, const std::vector<Tier>& engines) {
  json.key("engines").begin_array();
  for (const Group& group : grouped(engines)) {
    json.begin_object().key("ids").begin_array();
    for (const PeerText& id : group.ids) json.value(id);
    json.end_array().member("online", group.example->online).member("notice", group.example->notice);
    json.key("services").begin_array();
    for (const Service& service : group.example->services) {
      json.begin_object().member("name", service.name).member("version", service.version);
      json.member("release", service.release).member("phase", pinnate_phase_name(service.phase));
      json.member("reason", service.reason).member("serving", service.serving).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

void write_gateways(JsonText& json, const std::vector<Branch>& gateways) {
  json.key("gateways").begin_array();
  for (const Branch& branch : gateways) {
    const Tier& tier = branch.tier;
    json.begin_object().member("id", tier.id).member("online", tier.online).member("epoch", tier.epoch);
    json.member("revision", tier.revision).member("known_engines", tier.known_engines);
    json.member("online_engines", tier.online_engines).member("notice", tier.notice);
    write_gateways(json, branch.below);
    write_engines(json, branch.engines);
    json.end_object();
  }
  json.end_array();
}

// Where what hangs at `path` is kept. A gateway that no row told of (it came between two pages)
// gets a place all the same.
Branch& branch_at(std::vector<Branch>& top, const std::string& path) {
  std::vector<Branch>* level = &top;
  Branch* branch = nullptr;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string id = path.substr(begin, end - begin);
    const auto found =
        std::find_if(level->begin(), level->end(), [&](const Branch& b) { return b.tier.id.raw() == id; });
    if (found != level->end()) {
      branch = &*found;
    } else {
      pinnate_row unknown{};
      unknown.role = PINNATE_ROLE_GATEWAY;
      unknown.id = id.c_str();
      branch = &level->emplace_back(Tier(unknown));
    }
    level = &branch->below;
    begin = end + 1;
  }
  return *branch;
}

}  // namespace

std::string services_text(const Tier& engine) {
  std::string text;
  for (const Service& service : engine.services) {
    if (is_hidden(service)) continue;
    if (!text.empty()) text += ", ";
    text += service.name + " " + service.version + " " + phase_text(service);
    if (!service.reason.empty()) text += ": " + service.reason;
  }
  return text;
}

FleetTree look_up_tree(Session& session, const Rollup& root, const std::string& name) {
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.name = name.empty() ? nullptr : name.c_str();
  lookup.gateways = 1;
  FleetTree tree;
  tree.root = root.id;
  tree.revision = root.revision;
  tree.known_engines = root.known_engines;
  tree.online_engines = root.online_engines;
  std::vector<Tier> tiers = session.lookup_all(lookup, kRows);
  tree.cut = tiers.size() >= kRows;
  for (Tier& tier : tiers) {
    const bool gateway = tier.role == PINNATE_ROLE_GATEWAY;
    if (gateway) {
      Branch& branch = branch_at(tree.below, tier.path.empty() ? tier.id.raw() : tier.path.raw() + "/" + tier.id.raw());
      branch.tier = std::move(tier);
    } else if (tier.path.empty()) {
      tree.engines.push_back(std::move(tier));
    } else {
      branch_at(tree.below, tier.path.raw()).engines.push_back(std::move(tier));
    }
  }
  return tree;
}

std::string drawn(const FleetTree& tree, const Terminal& terminal) {
  Drawing drawing(terminal);
  drawing.root(tree);
  return drawing.take();
}

void write_json(JsonText& json, const FleetTree& tree) {
  json.begin_object().member("id", tree.root).member("cut", tree.cut);
  write_gateways(json, tree.below);
  write_engines(json, tree.engines);
  json.end_object();
}

}  // namespace cli
