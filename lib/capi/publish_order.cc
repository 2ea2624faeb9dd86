#include "capi/publish_order.h"

#include "base/limits.h"
#include "base/names.h"
#include "capi/boundary.h"
#include "capi/convert.h"
#include "capi/sized.h"
#include "content/elf.h"
#include "content/object_findings.h"
#include "content/release.h"
#include "content/selector.h"

#include <algorithm>
#include <tuple>

namespace pinnate::capi {
namespace {

using runtime::ArtifactSource;
using runtime::PublishOrder;

constexpr std::size_t kElfHead = 64;
constexpr std::uint32_t kLongestLimit = 600000;

Result<ArtifactSource> open_source(const pinnate_artifact& given) {
  const bool has_bytes = given.bytes.data || given.bytes.size != 0;
  if (given.path && has_bytes) return {PINNATE_INVALID, "both a path and bytes are given; give one of them"};
  if (given.path) return ArtifactSource::open_file(given.path);
  if (!has_bytes) return {PINNATE_INVALID, "neither a path nor bytes are given"};
  if (!given.bytes.data) return {PINNATE_INVALID, "bytes.data is NULL"};
  // Before it is copied.
  if (given.bytes.size > kArtifactCeilingBytes) return {PINNATE_TOO_LARGE, "larger than 2 GiB"};
  return ArtifactSource::copy_of(given.bytes);
}

// "" when it is not ELF.
Result<std::string> platform_of(const ArtifactSource& source) {
  std::string room;
  const auto head = source.read(0, std::min<std::uint64_t>(kElfHead, source.size_bytes()), &room);
  if (!head.ok()) return head.status();
  return content::elf_platform(*head);
}

content::ObjectBytes bytes_of(const ArtifactSource& source) {
  return {source.size_bytes(),
          [&source](std::uint64_t at, std::size_t bytes, std::string* room) { return source.read(at, bytes, room); }};
}

Status check_artifact(const PublishOrder::Artifact& artifact, PublishOrder* order) {
  const std::string named = "module '" + order->name + "' " + order->version + ", for " + artifact.platform + ": ";
  const auto object = content::read_shared_object(bytes_of(artifact.source));
  if (!object.ok()) {
    if (object.status().code() == PINNATE_INVALID && content::allows(order->allowed, "not-a-module")) return {};
    return {object.status().code(), named + object.status().message()};
  }
  if (artifact.platform != object->platform && content::is_elf_platform(artifact.platform) &&
      !content::allows(order->allowed, "platform"))
    return {PINNATE_REFUSED, named + "it is a shared object for " + object->platform +
                                 " (to publish it all the same, allow 'platform')"};
  const auto findings = content::findings(*object);
  if (const auto* refused = content::first_refused(findings, order->allowed))
    return {std::string_view(refused->word) == "not-a-module" ? PINNATE_INVALID : PINNATE_REFUSED,
            named + refused->text + " (to publish it all the same, allow '" + refused->word + "')"};
  for (const content::Finding& each : findings)
    if (!content::allows(order->allowed, each.word)) order->warnings.push_back(named + each.text);
  return {};
}

Result<PublishOrder::Artifact> read_artifact(const pinnate_artifact& given) {
  Result<ArtifactSource> source = open_source(given);
  if (!source.ok()) return source.status();
  const std::string what = given.path ? given.path : "the artifact";
  if (source->size_bytes() == 0) return {PINNATE_INVALID, what + " is empty"};
  if (source->size_bytes() > kArtifactCeilingBytes) return {PINNATE_TOO_LARGE, what + " is larger than 2 GiB"};
  PublishOrder::Artifact artifact;
  if (given.platform) {
    artifact.platform = given.platform;
    if (Status s = check_platform(artifact.platform); !s.ok()) return s;
  } else {
    const Result<std::string> platform = platform_of(*source);
    if (!platform.ok()) return platform.status();
    artifact.platform = platform->empty() ? "any" : *platform;
  }
  artifact.source = std::move(*source);
  return artifact;
}

Status read_artifacts(const pinnate_publish& given, std::vector<PublishOrder::Artifact>* artifacts) {
  if (given.artifact_count == 0) return {PINNATE_INVALID, "publish.artifact_count is 0: nothing to publish"};
  if (given.artifact_count > kArtifactsPerManifest)
    return {PINNATE_INVALID, "publish.artifact_count is " + std::to_string(given.artifact_count) + "; at most " +
                                 std::to_string(kArtifactsPerManifest) + " are allowed"};
  if (Status s = required(given.artifacts, "publish.artifacts"); !s.ok()) return s;
  for (std::size_t i = 0; i < given.artifact_count; i++) {
    const std::string which = "publish.artifacts[" + std::to_string(i) + "]";
    const Result<pinnate_artifact> one = read_sized(given.artifacts[i], which);
    if (!one.ok()) return one.status();
    Result<PublishOrder::Artifact> artifact = read_artifact(*one);
    if (!artifact.ok()) return {artifact.status().code(), which + ": " + artifact.status().message()};
    artifacts->push_back(std::move(*artifact));
  }
  std::sort(artifacts->begin(), artifacts->end(), [](const auto& a, const auto& b) { return a.platform < b.platform; });
  const auto twice = std::adjacent_find(artifacts->begin(), artifacts->end(),
                                        [](const auto& a, const auto& b) { return a.platform == b.platform; });
  if (twice != artifacts->end())
    return {PINNATE_INVALID,
            "publish.artifacts has two artifacts for " + twice->platform + ": state the platform of each"};
  return {};
}

Status read_limits(const pinnate_publish& given, content::Limits* limits) {
  const std::tuple<std::uint32_t, const char*, std::uint32_t&> all[] = {
      {given.load_limit_ms, "load", limits->load_ms},
      {given.create_limit_ms, "create", limits->create_ms},
      {given.health_limit_ms, "health", limits->health_ms},
      {given.call_limit_ms, "call", limits->call_ms},
      {given.drain_limit_ms, "drain", limits->drain_ms}};
  for (const auto& [ms, name, limit] : all) {
    if (ms > kLongestLimit)
      return {PINNATE_INVALID,
              std::string("publish.") + name + "_limit_ms is " + std::to_string(ms) + "; 1 to 600000 are allowed"};
    if (ms != 0) limit = ms;
  }
  return {};
}

}  // namespace

Result<PublishOrder> read_publish(const pinnate_publish* publish, bool check, pinnate_ticket** ticket) {
  const Result<pinnate_publish> given = read_sized(publish, "publish");
  if (!given.ok()) return given.status();
  if (ticket) *ticket = given->ticket;
  PublishOrder order;
  if (Status s = required(given->name, "publish.name"); !s.ok()) return s;
  if (Status s = required(given->version, "publish.version"); !s.ok()) return s;
  order.name = given->name;
  order.version = given->version;
  order.loader = given->loader ? given->loader : "native";
  if (Status s = check_function_name(order.name); !s.ok()) return s;
  if (Status s = check_version(order.version); !s.ok()) return s;
  if (Status s = check_loader_kind(order.loader); !s.ok()) return s;
  const Result<content::Selector> selector = content::Selector::parse(given->selector ? given->selector : "");
  if (!selector.ok()) return selector.status();
  order.selector = selector->str();
  if (given->keep_older != 0) order.needs.emplace_back(content::kKeepOlder);
  if (given->stop_first != 0) order.needs.emplace_back(content::kStopFirst);
  if (Status s = read_limits(*given, &order.limits); !s.ok()) return s;
  if (given->config.size > kConfigLimitBytes)
    return {PINNATE_TOO_LARGE, "publish.config is " + std::to_string(given->config.size) + " bytes; at most " +
                                   std::to_string(kConfigLimitBytes) + " are allowed"};
  if (given->config.size != 0) {
    if (Status s = required(given->config.data, "publish.config.data"); !s.ok()) return s;
    order.config = Buffer(std::string(static_cast<const char*>(given->config.data), given->config.size));
  }
  auto allowed = content::read_allowed(given->allow ? given->allow : "");
  if (!allowed.ok()) return {allowed.status().code(), "publish.allow: " + allowed.status().message()};
  order.allowed = std::move(*allowed);
  if (Status s = read_artifacts(*given, &order.artifacts); !s.ok()) return s;
  if (!check || order.loader != "native") return order;
  for (const PublishOrder::Artifact& artifact : order.artifacts)
    if (Status s = check_artifact(artifact, &order); !s.ok()) return s;
  // These are the publisher's alone: an engine that has another loader by that name may want no ELF.
  std::erase_if(order.allowed, [](const auto& word) { return word == "not-a-module" || word == "platform"; });
  return order;
}

Status check_artifact(const pinnate_artifact* given, pinnate_checked_fn on_checked, void* arg) {
  if (Status s = required(on_checked, "on_checked"); !s.ok()) return s;
  const Result<pinnate_artifact> one = read_sized(given, "artifact");
  if (!one.ok()) return one.status();
  const Result<ArtifactSource> source = open_source(*one);
  if (!source.ok()) return source.status();
  const auto object = content::read_shared_object(bytes_of(*source));
  if (!object.ok()) return object.status();
  const auto findings = content::findings(*object);
  const Rows<pinnate_finding> rows(findings, [](const content::Finding& from, pinnate_finding& row) {
    row.word = from.word;
    row.refused = from.refused;
    row.text = from.text.c_str();
  });
  const std::string glibc = object->glibc_version();
  pinnate_checked checked{};
  checked.size = sizeof checked;
  checked.platform = object->platform.c_str();
  checked.c_library = object->for_musl() ? "musl" : object->needs("libc.so.6") || !glibc.empty() ? "glibc" : "";
  checked.c_library_version = glibc.c_str();
  checked.module_abi = object->descriptor ? object->descriptor->abi : 0;
  checked.module_flags = object->descriptor ? object->descriptor->flags : 0;
  checked.findings = rows.data();
  checked.finding_count = rows.size();
  on_checked(arg, &checked);
  return {};
}

}  // namespace pinnate::capi
