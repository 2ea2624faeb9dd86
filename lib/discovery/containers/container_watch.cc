#include "discovery/containers/container_watch.h"

#include "base/words.h"
#include "discovery/containers/docker_api.h"
#include "discovery/http/backoff.h"
#include "discovery/http/client.h"
#include "discovery/http/lines.h"
#include "discovery/http/url.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kListBytes = 32 * 1024 * 1024;
constexpr std::size_t kOtherBytes = 64 * 1024;
constexpr std::size_t kContainerEventBytes = 1024 * 1024;
constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
// Docker 19.03 and podman 3 serve it, and what follows from it is the same in all that came later.
constexpr char kApiVersion[] = "1.40";

class ContainerWatch final : public Source {
 public:
  ContainerWatch(Loop& loop, const Log& log, Say say, ContainerQuery query, const ContainerTiming& timing)
      : loop_(loop),
        log_(log),
        say_(std::move(say)),
        query_(std::move(query)),
        timing_(timing),
        who_("docker:" + query_.socket),
        list_backoff_(loop, timing.backoff_least_ms, timing.backoff_most_ms),
        events_backoff_(loop, timing.backoff_least_ms, timing.backoff_most_ms),
        look_(loop.timer([this] { look(); })),
        listen_(loop.timer([this] { listen(); })) {}

  Status open() {
    auto client = HttpClient::make(loop_, {"http://docker", query_.socket, "", "", ""}, nullptr);
    if (!client.ok()) return client.status();
    client_ = std::move(*client);
    listen_->set_in(0);
    look_by(timing_.settle_ms);  // unless the stream of events begins before, or fails
    return {};
  }

 private:
  // The stream of events. It says when to look, and no more: that it ends, or was never there, costs
  // time and nobody a member. It is not asked for a label, since events of networks have none of
  // their containers'.

  void listen() {
    lines_.emplace(kContainerEventBytes);
    HttpRequest request;
    request.path = path("events", {{"type", {"container", "network"}}});
    request.begin_ms = timing_.answer_ms;
    request.silence_ms = kDayMs;
    listened_ms_ = loop_.monotonic_ms();
    HttpAnswer answer;
    answer.on_headers = [this](int code, std::optional<std::int64_t>) {
      listens_ = code == 200;
      if (!listens_) return;
      // Both Docker and podman answer before they begin to listen themselves, so that what happens
      // in between is only seen by looking once more.
      settled_ = false;
      look_by(0);
    };
    answer.on_bytes = [this](std::string_view bytes) {
      if (!listens_) return;
      const bool good = lines_->feed(bytes, [this](std::string& line) {
        // The first of a burst is looked at now, what follows it together.
        if (changes_containers(line)) look_by(std::max<std::int64_t>(looked_ms_ + timing_.soon_ms - loop_.monotonic_ms(), 0));
        return true;
      });
      if (!good) stop_listening();
    };
    answer.on_end = [this](Status) { stop_listening(); };
    events_ = client_->get(std::move(request), std::move(answer));
  }

  void stop_listening() {
    events_.reset();
    listens_ = false;
    if (loop_.monotonic_ms() - listened_ms_ >= timing_.backoff_most_ms) events_backoff_.reset();
    listen_->set_in(events_backoff_.next_ms());
    look_by(timing_.soon_ms);
  }

  // Looking.

  // In so long at the latest; an earlier look that is set stays.
  void look_by(std::int64_t in_ms) {
    const std::int64_t at_ms = loop_.monotonic_ms() + in_ms;
    if (look_at_ms_ && *look_at_ms_ <= at_ms) return;
    look_at_ms_ = at_ms;
    if (!list_) look_->set_in(in_ms);  // one that is under way is waited for
  }

  void look() {
    look_at_ms_.reset();
    looked_ms_ = loop_.monotonic_ms();
    const bool is_first = listens_ && !std::exchange(settled_, true);
    ask(path("containers/json", {{"label", query_.labels}, {"status", {"running", "paused"}}}), kListBytes,
        [this, is_first](const Status& status) { listed(status, is_first); });
  }

  void listed(const Status& status, bool is_first) {
    if (!status.ok()) return failed(status.message());
    if (code_ == 400 && !asked_version_) return ask_version();
    if (code_ != 200) return failed("the runtime answered " + std::to_string(code_) + words_of_error());
    ContainerList list;
    if (!list.read(body_, query_.network)) return failed("what it answered is no list of containers");
    list_backoff_.reset();
    say(naming_of(list));
    look_again(is_first ? timing_.settle_ms : timing_.again_ms);
  }

  // A runtime that is much younger than this no longer serves our version of the API, and says which
  // is its oldest.
  void ask_version() {
    asked_version_ = true;
    const std::string words = words_of_error();
    ask("/version", kOtherBytes, [this, words](const Status&) {
      const std::string least = code_ == 200 ? least_api_version(body_) : "";
      if (least.empty() || least == version_) return failed("the runtime answered 400" + words);
      version_ = least;
      log_(PINNATE_LOG_INFO, who_ + ": it is spoken to by version " + version_ + " of the Docker API");
      events_.reset();
      listen_->set_in(0);
      look_again(0);
    });
  }

  void failed(const std::string& why) {
    asked_version_ = false;  // it may be another runtime by then
    say({Naming::Answer::failed, {}, {}, who_ + ": " + why});
    look_again(list_backoff_.next_ms());
  }

  void look_again(std::int64_t in_ms) {
    if (look_at_ms_) in_ms = std::min(in_ms, std::max<std::int64_t>(*look_at_ms_ - loop_.monotonic_ms(), 0));
    look_at_ms_.reset();
    look_by(in_ms);
  }

  void ask(const std::string& path, std::size_t most_bytes, std::function<void(const Status&)> done) {
    code_ = 0;
    std::string().swap(body_);
    HttpRequest request;
    request.path = path;
    request.begin_ms = request.silence_ms = timing_.answer_ms;
    request.body_bytes = most_bytes;
    HttpAnswer answer;
    answer.on_headers = [this](int code, std::optional<std::int64_t>) { code_ = code; };
    answer.on_bytes = [this](std::string_view bytes) { body_ += bytes; };
    answer.on_end = [this, done = std::move(done)](Status status) {
      list_.reset();
      done(status);
    };
    list_ = client_->get(std::move(request), std::move(answer));
  }

  std::string path(const std::string& what, const std::vector<DockerFilter>& filters) const {
    return "/v" + version_ + "/" + what + "?filters=" + url_encoded(filters_json(filters));
  }

  // What is said.

  std::string words_of_error() const {
    const std::string words = one_line(error_message(body_), kReasonBytes);
    return words.empty() ? "" : ": " + words;
  }

  Naming naming_of(const ContainerList& list) const {
    Naming naming;
    for (const std::string& ip : list.ips)
      if (std::string address = member_address(ip, query_.port); !address.empty())
        naming.addresses.push_back(std::move(address));
    std::sort(naming.addresses.begin(), naming.addresses.end());
    naming.addresses.erase(std::unique(naming.addresses.begin(), naming.addresses.end()), naming.addresses.end());
    if (naming.addresses.size() > kMostAddresses) {
      naming.answer = Naming::Answer::incomplete;
      naming.why = who_ + " has " + std::to_string(naming.addresses.size()) + " members, of which " +
                   std::to_string(kMostAddresses) + " are named";
      naming.addresses.resize(kMostAddresses);
    } else if (naming.addresses.empty()) {
      naming.why = who_ + " has no running container with the label";
      if (list.apart > 0)
        naming.why = who_ + ": none of its containers with the label has an address" +
                     (query_.network.empty() ? "" : " in network '" + query_.network + "'");
    }
    return naming;
  }

  void say(Naming naming) {
    if (said_ && *said_ == naming) return;
    said_ = naming;
    say_(std::move(naming));
  }

  Loop& loop_;
  const Log log_;
  const Say say_;
  const ContainerQuery query_;
  const ContainerTiming timing_;
  const std::string who_;
  std::string version_ = kApiVersion;

  std::optional<Lines> lines_;
  bool listens_ = false;
  bool settled_ = false;  // the list was asked for since the stream of events began
  std::int64_t listened_ms_ = 0;

  std::optional<std::int64_t> look_at_ms_;
  std::int64_t looked_ms_ = 0;  // when the last look began
  bool asked_version_ = false;
  int code_ = 0;  // of the list, and its text
  std::string body_;
  std::optional<Naming> said_;

  Backoff list_backoff_, events_backoff_;
  std::unique_ptr<Timer> look_, listen_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<HttpExchange> events_, list_;
};

}  // namespace

Result<std::unique_ptr<Source>> watch_containers(Loop& loop, const Log& log, Say say, ContainerQuery query,
                                                 const ContainerTiming& timing) {
  auto source = std::make_unique<ContainerWatch>(loop, log, std::move(say), std::move(query), timing);
  if (Status status = source->open(); !status.ok()) return status;
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace pinnate::discovery
