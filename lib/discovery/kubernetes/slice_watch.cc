#include "discovery/kubernetes/slice_watch.h"

#include "base/words.h"
#include "discovery/http/backoff.h"
#include "discovery/http/lines.h"
#include "discovery/http/url.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kEventBytes = 4 * 1024 * 1024;
constexpr std::size_t kSlicePageBytes = 64 * 1024 * 1024;
constexpr std::size_t kRefusalBytes = 16 * 1024;
constexpr int kPageSlices = 500;
constexpr int kMostPages = 1000;
constexpr const char* kTooMany = "it has more slices and endpoints than are kept";
constexpr int kQuietWatches = 2;  // so many in a row with nothing in them: is what is known true?

class SliceWatch final : public Source {
 public:
  SliceWatch(Loop& loop, const Log& log, Say say, SliceQuery query, Access access, const SliceTiming& timing)
      : loop_(loop),
        log_(log),
        say_(std::move(say)),
        query_(std::move(query)),
        access_(std::move(access)),
        timing_(timing),
        who_("kubernetes:" + query_.space + "/" + query_.service),
        backoff_(loop, timing.backoff_least_ms, timing.backoff_most_ms),
        next_(loop.timer([this] { listed_ ? watch() : list(); })),
        down_(loop.timer([this] { stay_down(); })),
        saying_(loop.timer([this] { speak(); })) {}

  Status open() {
    const Result<HttpUrl> url = parse_http_url(access_.server.url);
    if (!url.ok()) return url.status();
    auto client = HttpClient::make(loop_, access_.server, url->is_ip() ? nullptr : Names::make(loop_));
    if (!client.ok()) return client.status();
    client_ = std::move(*client);
    next_->set_in(0);
    return {};
  }

 private:
  // Requests.

  std::string path() const {
    return "/apis/discovery.k8s.io/v1/namespaces/" + query_.space +
           "/endpointslices?labelSelector=" + url_encoded("kubernetes.io/service-name=" + query_.service);
  }

  void list() {
    if (page_.empty()) fresh_ = {}, pages_ = 0;
    HttpRequest request;
    request.path = path() + "&limit=" + std::to_string(kPageSlices);
    if (!page_.empty()) request.path += "&continue=" + url_encoded(page_);
    request.gzip = true;
    request.silence_ms = timing_.answer_ms;
    request.body_bytes = kSlicePageBytes;
    ask(std::move(request), [this](std::string_view bytes) { body_ += bytes; });
  }

  void watch() {
    const std::int64_t more_s = timing_.watch_most_s - timing_.watch_least_s;
    const std::int64_t time_s =
        timing_.watch_least_s + static_cast<std::int64_t>(loop_.random() % static_cast<std::uint64_t>(more_s + 1));
    HttpRequest request;
    request.path = path() + "&watch=1&allowWatchBookmarks=true&resourceVersion=" + url_encoded(version_) +
                   "&timeoutSeconds=" + std::to_string(time_s);
    request.silence_ms = time_s * 1000 + timing_.watch_grace_ms;
    lines_.emplace(kEventBytes);
    heard_ = gone_ = false;
    ask(std::move(request), [this](std::string_view bytes) { take(bytes); });
  }

  void ask(HttpRequest request, std::function<void(std::string_view)> on_bytes) {
    code_ = 0;
    retry_after_s_.reset();
    release(&body_);
    begun_ms_ = loop_.monotonic_ms();
    Result<std::string> bearer = access_.bearer();
    if (!bearer.ok()) return failed(bearer.status().message());
    token_ = *bearer;
    request.bearer = std::move(*bearer);
    request.begin_ms = timing_.answer_ms;
    HttpAnswer answer;
    answer.on_headers = [this](int code, std::optional<std::int64_t> retry_after_s) {
      code_ = code;
      retry_after_s_ = retry_after_s;
      if (code == 200 && listed_) come_up();
    };
    answer.on_bytes = [this, on_bytes = std::move(on_bytes)](std::string_view bytes) {
      if (code_ == 200) return on_bytes(bytes);
      body_ += bytes.substr(0, kRefusalBytes - std::min(body_.size(), kRefusalBytes));
    };
    answer.on_end = [this](Status status) { ended(status); };
    exchange_ = client_->get(std::move(request), std::move(answer));
  }

  // Answers.

  void ended(const Status& status) {
    exchange_.reset();
    if (code_ == 410) return list_anew();
    if (code_ != 0 && code_ != 200) return refused();
    if (listed_) return watch_ended(status);
    if (!status.ok()) return failed(status.message());
    SlicePage page;
    if (!page.read(body_)) return failed("what it answered is no list of EndpointSlices");
    release(&body_);
    for (Slice& slice : page.slices)
      if (!put(&fresh_, std::move(slice))) return failed(kTooMany);
    page_ = std::move(page.next);
    if (!page_.empty()) return ++pages_ < kMostPages ? list() : failed("its list does not end");
    set_ = std::exchange(fresh_, {});
    version_ = std::move(page.version);
    listed_ = true;
    list_trouble_.clear();
    quiet_watches_ = 0;
    if (watched_ == Watched::well) go_down("its watch has not begun");
    changed();
    watch();
  }

  void take(std::string_view bytes) {
    const bool good = lines_->feed(bytes, [this](std::string& line) { return take_event(line); });
    if (good) return;
    exchange_.reset();
    if (gone_) return list_anew();
    failed(event_trouble_.empty() ? "a line of its watch is longer than 4 MiB" : event_trouble_);
    start_over();
  }

  bool take_event(std::string& line) {
    SliceEvent event;
    event_trouble_.clear();
    if (!event.read(line)) {
      event_trouble_ = "a line of its watch is no event";
      return false;
    }
    using Type = SliceEvent::Type;
    if (event.type == Type::error) {
      gone_ = event.code == 410;
      event_trouble_ = "its watch ended with an error (" + std::to_string(event.code) + ")" + quoted(event.message);
      return false;
    }
    if (event.type == Type::unknown) return true;
    heard_ = true;
    quiet_watches_ = 0;
    backoff_.reset();
    if (!event.version.empty()) version_ = std::move(event.version);
    if (event.type == Type::bookmark) return true;
    if (event.type == Type::deleted) {
      set_.remove(event.slice.name);
    } else if (!put(&set_, std::move(event.slice))) {
      event_trouble_ = kTooMany;
      return false;
    }
    changed();
    return true;
  }

  // However it ended: by its time, by the server's or a proxy's end, or cut somewhere. What it said
  // was whole, so the next one goes on from there.
  void watch_ended(const Status& status) {
    go_down(status.ok() ? "its watch ended" : status.message());
    const std::int64_t lasted_ms = loop_.monotonic_ms() - begun_ms_;
    if (lasted_ms >= timing_.backoff_most_ms) backoff_.reset();
    if (heard_) return next_->set_in(std::max<std::int64_t>(timing_.watch_again_ms - lasted_ms, 0));
    // A version that is from the future, since the server's disk was restored, looks like silence.
    const bool was_silent = status.code() == PINNATE_TIMEOUT;
    if (code_ == 200 && (++quiet_watches_ >= kQuietWatches || was_silent)) start_over();
    next_->set_in(backoff_.next_ms());
  }

  void list_anew() {
    const std::string why = "the server no longer keeps the version that was listed";
    go_down(why);
    log_(PINNATE_LOG_INFO, who_ + ": " + why + "; listing anew");
    start_over();
    const auto span_ms = static_cast<std::uint64_t>(timing_.relist_within_ms) + 1;
    next_->set_in(std::max(static_cast<std::int64_t>(loop_.random() % span_ms), backoff_.next_ms()));
  }

  void start_over() {
    listed_ = false;
    page_.clear();
  }

  // By the code alone: a body may be plain text, or a Status that lacks half of its members.
  void refused() {
    const std::string verb = listed_ ? "watch" : "list";
    std::string why;
    switch (code_) {
      case 401:
        why = "the server does not know who asks (401)";
        break;
      case 403:
        why = "it is not allowed to " + verb + " endpointslices in the namespace " + query_.space + " (403)";
        break;
      case 404:
        why = "the server has no endpointslices of discovery.k8s.io/v1 (404)";
        break;
      case 429:
        why = "the server has too much to do (429)";
        break;
      default:
        why = "the server answered " + std::to_string(code_);
    }
    failed(why + quoted(status_message(body_)));
    const bool version_is_bad = code_ == 400 || code_ == 500 || code_ == 504;
    if (listed_ && version_is_bad && ++quiet_watches_ >= kQuietWatches) start_over();
  }

  // Whoever was named stays named.
  void failed(const std::string& why) {
    page_.clear();
    if (!listed_) {
      list_trouble_ = why;
      changed();
    } else {
      go_down(why);
      if (code_ == 401 || code_ == 403) stay_down();
    }
    std::int64_t in_ms = backoff_.next_ms();
    if (retry_after_s_) in_ms = std::max(in_ms, std::min(*retry_after_s_, timing_.retry_after_most_s) * 1000);
    next_->set_in(in_ms);
  }

  // What is said.

  void come_up() {
    down_->cancel();
    watched_ = Watched::well;
    changed();
  }
  void go_down(const std::string& why) {
    down_trouble_ = why;
    if (watched_ == Watched::well) down_->set_in(timing_.down_ms), watched_ = Watched::not_now;
    if (watched_ == Watched::not_for_long) changed();
  }
  void stay_down() {
    watched_ = Watched::not_for_long;
    changed();
  }

  // The server's words, which are somebody else's and must not hold the token.
  std::string quoted(const std::string& words) const {
    if (words.empty() || (!token_.empty() && words.find(token_) != std::string::npos)) return "";
    return ": " + one_line(words, kReasonBytes);
  }

  bool put(SliceSet* set, Slice slice) {
    if (slice.address_type == "FQDN" && !std::exchange(told_of_names_, true))
      log_(PINNATE_LOG_WARNING, who_ + ": slice " + slice.name + " holds host names, which are not looked up");
    return set->put(std::move(slice), query_.port);
  }

  static void release(std::string* text) { std::string().swap(*text); }

  // What comes in one read is said once, and not from inside the client.
  void changed() { saying_->set_in(0); }

  void speak() {
    Naming naming;
    const bool is_down = watched_ == Watched::not_for_long;
    if (!list_trouble_.empty() || is_down) {
      const std::string& trouble = is_down ? down_trouble_ : list_trouble_;
      naming = {Naming::Answer::failed, {}, {}, who_ + " at " + access_.server.url + ": " + trouble};
    } else {
      naming = set_.naming(who_);
    }
    if (said_ && *said_ == naming) return;
    said_ = naming;
    say_(std::move(naming));
  }

  Loop& loop_;
  const Log log_;
  const Say say_;
  const SliceQuery query_;
  const Access access_;
  const SliceTiming timing_;
  const std::string who_;

  std::string token_;  // of the last request
  int code_ = 0;  // and its answer
  std::optional<std::int64_t> retry_after_s_;
  std::string body_;
  std::int64_t begun_ms_ = 0;

  bool listed_ = false;  // set_ is what the server had at version_
  SliceSet set_, fresh_;  // fresh_: of a list that has more pages
  std::string version_, page_;
  int pages_ = 0;

  std::optional<Lines> lines_;  // of the watch that runs
  bool heard_ = false, gone_ = false;
  std::string event_trouble_;
  int quiet_watches_ = 0;

  enum class Watched : std::uint8_t { well, not_now, not_for_long };
  Watched watched_ = Watched::well;
  std::string list_trouble_, down_trouble_;
  bool told_of_names_ = false;
  std::optional<Naming> said_;

  Backoff backoff_;
  std::unique_ptr<Timer> next_, down_, saying_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<HttpExchange> exchange_;
};

}  // namespace

Result<std::unique_ptr<Source>> watch_slices(Loop& loop, const Log& log, Say say, SliceQuery query, Access access,
                                             const SliceTiming& timing) {
  auto source = std::make_unique<SliceWatch>(loop, log, std::move(say), std::move(query), std::move(access), timing);
  if (Status status = source->open(); !status.ok()) return status;
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace pinnate::discovery
