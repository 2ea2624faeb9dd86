#include "discovery/http/client.h"

#include "base/guarded.h"
#include "discovery/http/no_sigpipe.h"
#include "discovery/http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace pinnate::discovery {
namespace {

constexpr long kIdleConnections = 4;

class CurlClient;

struct Transfer {
  Transfer(CurlClient* of, HttpRequest r, HttpAnswer a) : client(of), request(std::move(r)), answer(std::move(a)) {}
  ~Transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    curl_slist_free_all(addresses);
  }

  std::int64_t patience_ms() const { return has_headers ? request.silence_ms : request.begin_ms; }

  CurlClient* client;  // null: it has ended
  const HttpRequest request;
  const HttpAnswer answer;
  bool begun = false, added = false, cancelled = false, has_headers = false;
  std::size_t header_bytes = 0, body_bytes = 0;
  std::int64_t last_ms = 0;  // when a byte came, or it began
  Status failure;  // ours, where libcurl only knows that it was stopped
  std::unique_ptr<Timer> silence;
  CURL* easy = nullptr;
  curl_slist *headers = nullptr, *addresses = nullptr;
  char error[CURL_ERROR_SIZE] = "";
};

class Exchange final : public HttpExchange {
 public:
  explicit Exchange(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
  ~Exchange() override;

 private:
  std::shared_ptr<Transfer> transfer_;
};

std::string in_seconds(std::int64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(Loop& loop, HttpServer server, HttpUrl url, std::unique_ptr<Names> names)
      : loop_(loop),
        server_(std::move(server)),
        url_(std::move(url)),
        names_(std::move(names)),
        clock_(loop.timer([this] { act(CURL_SOCKET_TIMEOUT, 0); })),
        sweep_(loop.timer([this] { sweep(); })) {}

  ~CurlClient() override {
    const NoSigpipe no_sigpipe;
    names_.reset();
    while (!transfers_.empty()) forget(transfers_.back());
    if (multi_) curl_multi_cleanup(multi_);
  }

  std::unique_ptr<HttpExchange> get(HttpRequest request, HttpAnswer answer) override {
    transfers_.push_back(std::make_shared<Transfer>(this, std::move(request), std::move(answer)));
    sweep_soon();
    return std::make_unique<Exchange>(transfers_.back());
  }

  // What libcurl must not be asked for from inside what it calls is done a turn later.
  void sweep_soon() { sweep_->set_in(0); }

 private:
  void sweep() {
    const auto transfers = transfers_;
    for (const auto& transfer : transfers) {
      if (transfer->cancelled) {
        forget(transfer);
      } else if (!watches_) {
        end(transfer, {PINNATE_IO, "the system can watch no more sockets"});
      } else if (!transfer->begun) {
        begin(transfer);
      }
    }
    watches_ = true;
  }

  void begin(const std::shared_ptr<Transfer>& transfer) {
    transfer->begun = true;
    transfer->last_ms = loop_.monotonic_ms();
    transfer->silence = loop_.timer([this, t = transfer.get()] { look_for_silence(t); });
    transfer->silence->set_in(transfer->patience_ms());
    if (!server_.unix_socket.empty() || url_.is_ip()) return add(transfer, {});
    if (!names_) return end(transfer, {PINNATE_UNREACHABLE, "there is nobody to ask for the address of " + url_.host});
    names_->look_up(url_.host, [weak = std::weak_ptr(transfer)](Result<std::vector<std::string>> found) {
      const auto t = weak.lock();
      if (!t || !t->client || t->cancelled) return;
      if (!found.ok()) return t->client->end(t, found.status());
      t->client->add(t, *found);
    });
  }

  void add(const std::shared_ptr<Transfer>& transfer, const std::vector<std::string>& addresses) {
    const NoSigpipe no_sigpipe;
    Transfer& t = *transfer;
    // A multi handle that never had a transfer changes the process's SIGPIPE when it is destroyed.
    if (!multi_ && !open_multi()) return end(transfer, no_memory());
    if (!set_up(t, addresses) || curl_multi_add_handle(multi_, t.easy) != CURLM_OK) return end(transfer, no_memory());
    t.added = true;
  }

  bool open_multi() {
    multi_ = curl_multi_init();
    if (!multi_) return false;
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlClient::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlClient::on_clock);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    return true;
  }

  bool set_up(Transfer& t, const std::vector<std::string>& addresses) {
    t.easy = curl_easy_init();
    bool good = t.easy != nullptr;
    const auto set = [&](CURLoption option, auto value) {
      good = good && curl_easy_setopt(t.easy, option, value) == CURLE_OK;
    };
    const auto append = [&](curl_slist** list, const std::string& line) {
      curl_slist* longer = curl_slist_append(*list, line.c_str());
      good = good && longer;
      if (longer) *list = longer;
    };
    const auto set_text = [&](CURLoption option, const std::string& text) {
      if (!text.empty()) set(option, text.c_str());
    };

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PRIVATE, &t);
    set(CURLOPT_ERRORBUFFER, t.error);
    set(CURLOPT_URL, (url_.base + t.request.path).c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_PROXY, "");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(t.request.connect_ms));
    set_text(CURLOPT_UNIX_SOCKET_PATH, server_.unix_socket);
    if (!addresses.empty()) {  // libcurl's own look-up would start a thread
      std::string entry = url_.host + ":" + url_.port + ":";
      for (const std::string& address : addresses)
        entry +=
            (entry.back() == ':' ? "" : ",") + (address.find(':') == std::string::npos ? address : "[" + address + "]");
      append(&t.addresses, entry);
      set(CURLOPT_RESOLVE, t.addresses);
    }

    set(CURLOPT_USERAGENT, "pinnate");  // who calls itself curl gets its answers pretty-printed
    append(&t.headers, "Accept: application/json");
    if (!t.request.bearer.empty()) append(&t.headers, "Authorization: Bearer " + t.request.bearer);
    set(CURLOPT_HTTPHEADER, t.headers);
    if (t.request.gzip) set(CURLOPT_ACCEPT_ENCODING, "gzip");
    set(CURLOPT_HEADERFUNCTION, &CurlClient::on_header);
    set(CURLOPT_HEADERDATA, &t);
    set(CURLOPT_WRITEFUNCTION, &CurlClient::on_body);
    set(CURLOPT_WRITEDATA, &t);

    if (!url_.secure) return good;
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // What is resumed is not verified again, and an authority that was replaced must not be kept.
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    // The system's authorities are in a file and in a folder. A file of ours replaces the first
    // alone.
    if (!server_.ca_file.empty()) set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set_text(CURLOPT_CAINFO, server_.ca_file);
    set_text(CURLOPT_SSLCERT, server_.certificate_file);
    set_text(CURLOPT_SSLKEY, server_.key_file);
    set(CURLOPT_KEYPASSWD, "");  // without one OpenSSL asks the terminal, and waits
    return good;
  }

  void look_for_silence(Transfer* t) {
    const std::int64_t left_ms = t->last_ms + t->patience_ms() - loop_.monotonic_ms();
    if (left_ms > 0) return t->silence->set_in(left_ms);
    const auto found =
        std::find_if(transfers_.begin(), transfers_.end(), [t](const auto& each) { return each.get() == t; });
    const auto transfer = *found;
    if (transfer->cancelled) return;  // it is about to be forgotten
    end(transfer, {PINNATE_TIMEOUT, "the server was silent for " + in_seconds(t->patience_ms())});
  }

  void act(curl_socket_t socket, int events) {
    CURLMcode code;
    {
      const NoSigpipe no_sigpipe;
      int running = 0;
      code = curl_multi_socket_action(multi_, socket, events, &running);
    }
    if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
    for (int left; CURLMsg* message = curl_multi_info_read(multi_, &left);) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode result = message->data.result;
      const auto ended = std::find_if(transfers_.begin(), transfers_.end(),
                                      [&](const auto& each) { return each->easy == message->easy_handle; });
      if (ended == transfers_.end()) continue;
      const auto transfer = *ended;  // what is told may change the list
      if (transfer->cancelled) {
        forget(transfer);
      } else {
        end(transfer, outcome(*transfer, result));
      }
    }
  }

  static Status outcome(const Transfer& t, CURLcode result) {
    if (!t.failure.ok()) return t.failure;
    if (result == CURLE_OK) return {};
    if (result == CURLE_OUT_OF_MEMORY) return no_memory();
    // libcurl's words for these two hold a time that is another at each try.
    if (result == CURLE_OPERATION_TIMEDOUT)
      return {PINNATE_TIMEOUT, "cannot connect to the server within " + in_seconds(t.request.connect_ms)};
    if (result == CURLE_COULDNT_CONNECT) {
      long error = 0;
      curl_easy_getinfo(t.easy, CURLINFO_OS_ERRNO, &error);
      const std::string why = error == 0 ? "" : ": " + std::generic_category().message(static_cast<int>(error));
      return {PINNATE_UNREACHABLE, "cannot connect to the server" + why};
    }
    return {PINNATE_UNREACHABLE, t.error[0] != '\0' ? t.error : curl_easy_strerror(result)};
  }

  void end(const std::shared_ptr<Transfer>& transfer, Status status) {
    forget(transfer);
    transfer->answer.on_end(std::move(status));
  }

  void forget(std::shared_ptr<Transfer> transfer) {
    const NoSigpipe no_sigpipe;
    if (std::exchange(transfer->added, false)) curl_multi_remove_handle(multi_, transfer->easy);
    curl_easy_cleanup(std::exchange(transfer->easy, nullptr));
    transfer->silence.reset();
    transfer->client = nullptr;
    transfers_.erase(std::remove(transfers_.begin(), transfers_.end(), transfer), transfers_.end());
  }

  // What libcurl calls. Nothing is thrown through it.

  static int on_socket(CURL*, curl_socket_t socket, int what, void* client, void*) {
    CurlClient* self = static_cast<CurlClient*>(client);
    if (what == CURL_POLL_REMOVE) return self->sockets_.erase(socket), 0;
    quietly([&] {
      std::unique_ptr<Watch>& watch = self->sockets_[socket];
      if (!watch)
        watch = self->loop_.watch(socket, [self, socket](bool readable, bool writable) {
          self->act(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
        });
      if (watch) watch->want((what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
    });
    const auto watched = self->sockets_.find(socket);
    if (watched != self->sockets_.end() && watched->second) return 0;
    self->watches_ = false;  // a failure here would end the multi handle for good
    self->sweep_soon();
    return 0;
  }

  static int on_clock(CURLM*, long in_ms, void* client) {
    CurlClient* self = static_cast<CurlClient*>(client);
    if (in_ms < 0) {
      self->clock_->cancel();
    } else {
      self->clock_->set_in(in_ms);
    }
    return 0;
  }

  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* transfer) {
    Transfer& t = *static_cast<Transfer*>(transfer);
    if (!take(t, size, &t.header_bytes, t.request.header_bytes, "headers")) return 0;
    const std::string_view line(bytes, size);
    if (t.has_headers || (line != "\r\n" && line != "\n")) return size;
    long code = 0;
    curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200) return size;  // others follow
    t.has_headers = true;
    t.silence->set_in(t.patience_ms());
    curl_off_t after_s = 0;
    curl_easy_getinfo(t.easy, CURLINFO_RETRY_AFTER, &after_s);
    std::optional<std::int64_t> retry_after_s;
    if (after_s > 0) retry_after_s = after_s;
    return tell(t, size, [&] { t.answer.on_headers(static_cast<int>(code), retry_after_s); });
  }

  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* transfer) {
    Transfer& t = *static_cast<Transfer*>(transfer);
    if (!take(t, size, &t.body_bytes, t.request.body_bytes, "body")) return 0;
    return tell(t, size, [&] { t.answer.on_bytes({bytes, size}); });
  }

  static bool take(Transfer& t, std::size_t size, std::size_t* taken, std::size_t most, const char* what) {
    if (t.cancelled || !t.failure.ok()) return false;
    t.last_ms = t.client->loop_.monotonic_ms();
    *taken += size;
    if (*taken <= most) return true;
    quietly([&] {
      t.failure = {PINNATE_TOO_LARGE,
                   std::string("the ") + what + " of the answer passed " + std::to_string(most) + " bytes"};
    });
    return false;
  }

  template <class Call>
  static std::size_t tell(Transfer& t, std::size_t size, Call call) {
    if (!quietly(call)) t.failure = no_memory();
    return t.cancelled || !t.failure.ok() ? 0 : size;
  }

  Loop& loop_;
  const HttpServer server_;
  const HttpUrl url_;
  std::unique_ptr<Names> names_;
  CURLM* multi_ = nullptr;
  bool watches_ = true;  // false: a socket could not be watched just now
  std::map<curl_socket_t, std::unique_ptr<Watch>> sockets_;
  std::vector<std::shared_ptr<Transfer>> transfers_;
  std::unique_ptr<Timer> clock_, sweep_;
};

Exchange::~Exchange() {
  transfer_->cancelled = true;
  if (transfer_->client) transfer_->client->sweep_soon();
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::make(Loop& loop, HttpServer server, std::unique_ptr<Names> names) {
  // Never cleaned up: the host may use libcurl too. The first to come does it, others wait.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return {PINNATE_IO, std::string("cannot use libcurl: ") + curl_easy_strerror(started)};
  Result<HttpUrl> url = parse_http_url(server.url);
  if (!url.ok()) return url.status();
  return std::unique_ptr<HttpClient>(
      std::make_unique<CurlClient>(loop, std::move(server), std::move(*url), std::move(names)));
}

}  // namespace pinnate::discovery
