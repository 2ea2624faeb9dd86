#include "discovery/kubernetes/access.h"

#include "discovery/http/url.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace pinnate::discovery {
namespace {

constexpr std::size_t kTokenBytes = 64 * 1024;
constexpr char kServiceAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount/";

Result<Access> of_pod(const Uri& uri) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (!host || !port || *host == '\0' || *port == '\0')
    return uri.wrong("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is no Pod: say server=");
  Access access;
  const std::string name = host;
  access.server.url = "https://" + (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port;
  access.server.ca_file = std::string(kServiceAccount) + "ca.crt";
  access.token_file = std::string(kServiceAccount) + "token";
  return access;
}

Result<std::string> read_token_file(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return Status(PINNATE_INVALID, "cannot read " + path + ": " + why);
  };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return failed(std::generic_category().message(errno));
  struct stat about {};
  const bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  std::string text(is_file ? kTokenBytes + 1 : 0, '\0');
  std::size_t bytes = 0;
  ssize_t got = 0;
  while (bytes < text.size() && (got = ::read(fd, text.data() + bytes, text.size() - bytes)) != 0) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) bytes += static_cast<std::size_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  close(fd);
  if (!is_file) return failed("it is not a file");
  if (error != 0) return failed(std::generic_category().message(error));
  if (bytes > kTokenBytes) return failed("it is larger than " + std::to_string(kTokenBytes) + " bytes");
  text.resize(bytes);
  text.shrink_to_fit();
  return text;
}

}  // namespace

Result<std::string> Access::bearer() const {
  if (token_file.empty()) return std::string();
  Result<std::string> text = read_token_file(token_file);
  if (!text.ok()) return text;
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  if (text->empty()) return {PINNATE_INVALID, "the token file " + token_file + " is empty"};
  if (!std::all_of(text->begin(), text->end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return {PINNATE_INVALID, "what is in the token file " + token_file + " is no token"};
  return text;
}

Result<Access> find_access(const Uri& uri) {
  Access access;
  if (const std::string* server = uri.option("server")) {
    access.server.url = *server;
  } else {
    Result<Access> pod = of_pod(uri);
    if (!pod.ok()) return pod;
    access = std::move(*pod);
  }
  const std::pair<const char*, std::string*> files[] = {{"ca", &access.server.ca_file},
                                                        {"token", &access.token_file},
                                                        {"cert", &access.server.certificate_file},
                                                        {"key", &access.server.key_file}};
  for (const auto& [option, file] : files) {
    const std::string* given = uri.option(option);
    if (!given) continue;
    if (given->empty() || given->front() != '/')
      return uri.wrong("option '" + std::string(option) + "' is a path that begins with '/'");
    *file = *given;
  }
  if (access.server.certificate_file.empty() != access.server.key_file.empty())
    return uri.wrong("options 'cert' and 'key' belong together");
  const Result<HttpUrl> url = parse_http_url(access.server.url);
  if (!url.ok()) return uri.wrong(url.status().message());
  if (!access.token_file.empty() && !url->secure && !url->is_loopback())
    return uri.wrong("a token is sent by https, or to 127.0.0.1");
  return access;
}

}  // namespace pinnate::discovery
