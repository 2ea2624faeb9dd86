#include "demo_fleet.h"

#include <cstdlib>

namespace cli {

namespace {

constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kEndLimit{15};

std::filesystem::path make_folder() {
  const char* named = std::getenv("TMPDIR");
  std::string base = named != nullptr && *named != '\0' ? named : "/tmp";
  // A UNIX socket's path has 107 bytes at most.
  if (base.size() > 48) base = "/tmp";
  std::string path = base + "/pinnate-demo-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw Failure(ExitCode::kFailed, "cannot make a folder in '" + base + "'");
  return path;
}

}  // namespace

DemoFleet::DemoFleet(const DemoShape& shape, std::stop_token stop) : shape_(shape), folder_(make_folder()) {
  try {
    start_all(stop);
  } catch (...) {
    remove();
    throw;
  }
}

DemoFleet::~DemoFleet() { remove(); }

void DemoFleet::start_all(std::stop_token stop) {
  const Deadline deadline = deadline_after(kStartLimit);
  const auto await_all = [&](Rank& rank) {
    for (const auto& child : rank) child->await_line("listening on ", stop, deadline);
  };
  start(controller_, "controller", {"controller", "--state", folder_ / "controller", "--listen", "tcp://127.0.0.1:0"},
        true);
  address_ = controller_.front()->await_line("listening on ", stop, deadline);

  for (unsigned n = 1; n <= shape_.nodes; ++n) {
    const std::string node = "node-" + std::to_string(n);
    start(nodes_, node, {"gateway", "--up", address_, "--listen", socket(node), "--cache", folder_ / node}, true);
  }
  await_all(nodes_);

  for (unsigned n = 1; n <= shape_.nodes; ++n) {
    const std::string node = "node-" + std::to_string(n);
    for (unsigned c = 1; c <= shape_.clusters; ++c) {
      const std::string cluster = node + "-cluster-" + std::to_string(c);
      start(clusters_, cluster,
            {"gateway", "--up", socket(node), "--listen", socket(cluster), "--cache", folder_ / cluster}, true);
    }
  }
  await_all(clusters_);

  unsigned number = 0;
  for (const auto& cluster : clusters_) {
    for (unsigned e = 1; e <= shape_.engines; ++e) {
      start(engines_, engine_id(++number), {"engine", "--up", socket(cluster->name())}, false);
    }
  }
}

void DemoFleet::start(Rank& rank, const std::string& name, std::vector<std::string> arguments, bool lines) {
  arguments.insert(arguments.end(), {"--id", name});
  rank.push_back(std::make_unique<ChildProcess>(name, arguments, folder_ / (name + ".log"), lines));
}

std::string DemoFleet::socket(const std::string& name) const { return "unix:" + (folder_ / (name + ".sock")).string(); }

std::string DemoFleet::engine_id(unsigned number) const {
  const std::size_t width = std::max<std::size_t>(2, std::to_string(shape_.engine_count()).size());
  std::string digits = std::to_string(number);
  digits.insert(0, width - digits.size(), '0');
  return "engine-" + digits;
}

std::size_t DemoFleet::process_count() const {
  return controller_.size() + nodes_.size() + clusters_.size() + engines_.size();
}

void DemoFleet::check_alive() {
  for (Rank* rank : {&controller_, &nodes_, &clusters_, &engines_}) {
    for (const auto& child : *rank) {
      const auto end = child->await_end(Deadline{});
      if (!end) continue;
      throw Failure(ExitCode::kFailed,
                    child->name() + " " + (end->empty() ? "ended" : *end) + "\n" + child->log_tail());
    }
  }
}

void DemoFleet::take_down() {
  std::string trouble;
  for (Rank* rank : {&engines_, &clusters_, &nodes_, &controller_}) trouble += end_rank(*rank);
  if (!trouble.empty()) throw Failure(ExitCode::kFailed, "not everything ended cleanly:\n" + trouble);
}

std::string DemoFleet::end_rank(Rank& rank) {
  for (const auto& child : rank) child->terminate();
  const Deadline deadline = deadline_after(kEndLimit);
  std::string trouble;
  for (const auto& child : rank) {
    const auto end = child->await_end(deadline);
    if (end && end->empty()) continue;
    trouble += child->name() + " " + end.value_or("had to be killed") + "\n" + child->log_tail();
  }
  rank.clear();  // kills what is left
  return trouble;
}

void DemoFleet::remove() {
  for (Rank* rank : {&engines_, &clusters_, &nodes_, &controller_}) end_rank(*rank);
  std::error_code ignored;  // it is a temporary folder; what stays is swept with the others
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace cli
