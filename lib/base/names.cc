#include "base/names.h"

#include "base/limits.h"

#include <iterator>

namespace pinnate {
namespace {

bool alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Shows hostile text without passing it on raw.
std::string shown(std::string_view s) {
  std::string out;
  for (char c : s.substr(0, 80)) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  if (s.size() > 80) out += "...";
  return out;
}

struct Shape {
  const char* what;
  std::size_t shortest, longest;
  const char* punctuation;
  bool upper;
  bool begins_alphanumeric;
};

// Most are well formed, and some are looked at for each call: words are made for the others alone.
bool well_formed(std::string_view s, const Shape& shape) {
  if (s.size() < shape.shortest || s.size() > shape.longest) return false;
  for (char c : s)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (shape.upper && c >= 'A' && c <= 'Z'))) return false;
  return true;
}

Status check(std::string_view s, const Shape& shape) {
  if (well_formed(s, shape)) return {};
  const std::string what = shape.what;
  if (s.size() < shape.shortest) return {PINNATE_INVALID, what + " is empty"};
  if (s.size() > shape.longest)
    return {PINNATE_INVALID,
            what + " '" + shown(s) + "' is longer than " + std::to_string(shape.longest) + " characters"};
  for (char c : s) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool listed = c != '\0' && std::string_view(shape.punctuation).find(c) != std::string_view::npos;
    if ((alphanumeric(c) && (shape.upper || !upper)) || listed) continue;
    return {PINNATE_INVALID, what + " '" + shown(s) + "' may only hold " +
                                 (shape.upper ? "letters" : "lower-case letters") + ", digits and any of '" +
                                 shape.punctuation + "'"};
  }
  if (shape.begins_alphanumeric && !s.empty() && !alphanumeric(s[0]))
    return {PINNATE_INVALID, what + " '" + shown(s) + "' must begin with a letter or a digit"};
  return {};
}

}  // namespace

Status check_function_name(std::string_view s) { return check(s, {"function name", 1, 63, "._-", false, true}); }
Status check_version(std::string_view s) { return check(s, {"version", 1, 63, "._+-", true, true}); }
Status check_tier_id(std::string_view s) { return check(s, {"tier id", 1, 127, "._-", true, true}); }
Status check_fleet(std::string_view s) { return check(s, {"fleet name", 1, 63, "._-", true, true}); }
Status check_label_key(std::string_view s) { return check(s, {"label key", 1, 63, "._/-", true, true}); }
Status check_label_value(std::string_view s) { return check(s, {"label value", 0, 63, "._/-", true, false}); }
Status check_platform(std::string_view s) { return check(s, {"platform", 1, 63, "._-", true, true}); }
Status check_loader_kind(std::string_view s) { return check(s, {"loader kind", 1, 31, "._-", false, true}); }
Status check_feature(std::string_view s) { return check(s, {"feature", 1, 63, "._-", false, true}); }

std::string no_loader(const std::string& kind, const std::set<std::string>& has) {
  std::string kinds;
  for (const std::string& one : has) kinds += (kinds.empty() ? "" : ", ") + one;
  return "no loader '" + kind + "' on this engine (it has: " + kinds + ")";
}

Status check_labels(const Labels& labels) {
  if (labels.size() > kLabelLimit) return {PINNATE_TOO_LARGE, "more than " + std::to_string(kLabelLimit) + " labels"};
  for (const auto& [key, value] : labels) {
    if (Status s = check_label_key(key); !s.ok()) return s;
    if (Status s = check_label_value(value); !s.ok()) return s;
  }
  return {};
}

Status check_headers(const Labels& headers) {
  constexpr std::size_t kMostBytes = 8192;
  if (headers.size() > kHeaderLimit)
    return {PINNATE_TOO_LARGE, "more than " + std::to_string(kHeaderLimit) + " headers"};
  std::size_t bytes = 0;
  for (const auto& [key, value] : headers) {
    if (Status s = check(key, {"header key", 1, 63, "._-", true, true}); !s.ok()) return s;
    if (value.find('\0') != std::string::npos)
      return {PINNATE_INVALID, "the header '" + key + "' has a NUL in its value"};
    if (value.size() > kTextLimitBytes)
      return {PINNATE_TOO_LARGE, "the value of the header '" + key + "' is longer than 4096 bytes"};
    bytes += key.size() + value.size();
  }
  if (bytes <= kMostBytes) return {};
  return {PINNATE_TOO_LARGE,
          "headers of " + std::to_string(bytes) + " bytes; " + std::to_string(kMostBytes) + " are allowed"};
}

const char* header_of(const Labels& headers, const char* key) {
  const auto found = key ? headers.find(key) : headers.end();
  return found == headers.end() ? nullptr : found->second.c_str();
}

int header_at(const Labels& headers, std::size_t index, const char** key, const char** value) {
  if (index >= headers.size()) return 0;
  const auto at = std::next(headers.begin(), static_cast<std::ptrdiff_t>(index));
  *key = at->first.c_str();
  *value = at->second.c_str();
  return 1;
}

}  // namespace pinnate
