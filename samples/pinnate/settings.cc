#include "settings.h"

#include "exit_code.h"
#include "file_bytes.h"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string_view>

namespace cli {

namespace {

struct Place {
  const std::string& path;
  const toml::node& node;
  std::string_view key;
};

[[noreturn]] void wrong(const Place& place, const std::string& words) {
  std::ostringstream text;
  text << place.path << ", line " << place.node.source().begin.line << ": '" << place.key << "' " << words;
  throw Failure(ExitCode::kUsage, text.str());
}

std::string read_text(const Place& place) {
  if (const auto text = place.node.value_exact<std::string>()) return *text;
  wrong(place, "must be a string");
}

std::vector<std::string> read_list(const Place& place) {
  if (place.node.is_string()) return {read_text(place)};
  const toml::array* array = place.node.as_array();
  if (array == nullptr) wrong(place, "must be a string or an array of strings");
  std::vector<std::string> list;
  for (const toml::node& element : *array) list.push_back(read_text({place.path, element, place.key}));
  return list;
}

std::uint64_t read_size(const Place& place) {
  if (const auto number = place.node.value_exact<std::int64_t>(); number && *number > 0) {
    return static_cast<std::uint64_t>(*number);
  }
  if (const auto text = place.node.value_exact<std::string>()) {
    if (const auto size = parse_size(*text); size && *size != 0) return *size;
  }
  wrong(place, std::string("is no size (") + kSizeForm + ")");
}

std::uint64_t read_count(const Place& place) {
  const auto number = place.node.value_exact<std::int64_t>();
  if (number && *number > 0 && *number <= 100000) return static_cast<std::uint64_t>(*number);
  wrong(place, "is no count (1 to 100000)");
}

Milliseconds read_duration(const Place& place) {
  if (const auto text = place.node.value_exact<std::string>()) {
    if (const auto duration = parse_duration(*text); duration && duration->count() != 0) return *duration;
  }
  wrong(place, std::string("is no duration (") + kDurationForm + ")");
}

pinnate_log_level read_level(const Place& place) {
  if (const auto level = parse_log_level(read_text(place))) return *level;
  wrong(place, std::string("must be ") + kLogLevels);
}

std::vector<std::pair<std::string, std::string>> read_labels(const Place& place) {
  const toml::table* table = place.node.as_table();
  if (table == nullptr) wrong(place, "must be a table, e.g. labels = { region = \"eu\" }");
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [key, value] : *table) labels.emplace_back(key.str(), read_text({place.path, value, key.str()}));
  return labels;
}

constexpr unsigned bit(Reader reader) { return 1u << static_cast<unsigned>(reader); }
constexpr unsigned kTiers = bit(Reader::kController) | bit(Reader::kGateway) | bit(Reader::kEngine);

struct Key {
  std::string_view name;
  unsigned readers;
  void (*take)(Settings&, const Place&);
};

constexpr std::array<Key, 17> kKeys = {{
    {"id", kTiers, [](Settings& s, const Place& p) { s.id = read_text(p); }},
    {"fleet", kTiers | bit(Reader::kClient), [](Settings& s, const Place& p) { s.fleet = read_text(p); }},
    {"to", kTiers | bit(Reader::kClient), [](Settings& s, const Place& p) { s.to = read_text(p); }},
    {"labels", kTiers, [](Settings& s, const Place& p) { s.labels = read_labels(p); }},
    {"listen", kTiers, [](Settings& s, const Place& p) { s.listen = read_list(p); }},
    {"up", bit(Reader::kGateway) | bit(Reader::kEngine), [](Settings& s, const Place& p) { s.up = read_text(p); }},
    {"down", bit(Reader::kController) | bit(Reader::kGateway),
     [](Settings& s, const Place& p) { s.down = read_list(p); }},
    {"members", bit(Reader::kGateway), [](Settings& s, const Place& p) { s.members = read_list(p); }},
    {"state", bit(Reader::kController) | bit(Reader::kEngine),
     [](Settings& s, const Place& p) { s.state = read_text(p); }},
    {"cache", bit(Reader::kGateway), [](Settings& s, const Place& p) { s.cache = read_text(p); }},
    {"cache-limit", bit(Reader::kGateway), [](Settings& s, const Place& p) { s.cache_limit = read_size(p); }},
    {"artifact-limit", bit(Reader::kController), [](Settings& s, const Place& p) { s.artifact_limit = read_size(p); }},
    {"forget-after", bit(Reader::kController) | bit(Reader::kGateway),
     [](Settings& s, const Place& p) { s.forget_after = read_duration(p); }},
    {"kept-images", bit(Reader::kEngine), [](Settings& s, const Place& p) { s.kept_images = read_count(p); }},
    {"kept-bytes", bit(Reader::kEngine), [](Settings& s, const Place& p) { s.kept_bytes = read_size(p); }},
    {"heartbeat", kTiers, [](Settings& s, const Place& p) { s.heartbeat = read_duration(p); }},
    {"log-level", kTiers, [](Settings& s, const Place& p) { s.log_level = read_level(p); }},
}};

std::string keys_of(Reader reader) {
  std::string list;
  for (const Key& key : kKeys) {
    if ((key.readers & bit(reader)) == 0) continue;
    if (!list.empty()) list += ", ";
    list += key.name;
  }
  return list;
}

}  // namespace

Settings read_settings(const std::string& path, Reader reader) {
  constexpr std::size_t kLimitBytes = 1024 * 1024;
  Settings settings;
  // toml++ reads a folder as an empty file.
  if (std::error_code error; std::filesystem::is_directory(path, error)) {
    throw Failure(ExitCode::kUsage, "--config '" + path + "' is a folder; name a TOML file");
  }
  const std::string text = file_bytes(path, kLimitBytes);
  try {
    const toml::table file = toml::parse(text, path);
    for (const auto& [name, node] : file) {
      const Place place{path, node, name.str()};
      const auto key = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.name == name.str(); });
      const bool known = key != kKeys.end();
      if (known && (key->readers & bit(reader)) != 0) {
        key->take(settings, place);
      } else if (!known || reader != Reader::kClient) {
        wrong(place,
              (known ? "means nothing to this tier; it reads: " : "is not known; it may be: ") + keys_of(reader));
      }
    }
  } catch (const toml::parse_error& error) {
    std::ostringstream words;
    words << path << ", line " << error.source().begin.line << ": " << error.description();
    throw Failure(ExitCode::kUsage, words.str());
  }
  return settings;
}

Settings combined(Settings flags, Settings file) {
  const auto fill = [](auto& flag, auto& other) {
    if (!flag) flag = std::move(other);
  };
  fill(flags.id, file.id);
  fill(flags.fleet, file.fleet);
  fill(flags.up, file.up);
  fill(flags.state, file.state);
  fill(flags.cache, file.cache);
  fill(flags.to, file.to);
  fill(flags.cache_limit, file.cache_limit);
  fill(flags.artifact_limit, file.artifact_limit);
  fill(flags.kept_images, file.kept_images);
  fill(flags.kept_bytes, file.kept_bytes);
  fill(flags.forget_after, file.forget_after);
  fill(flags.heartbeat, file.heartbeat);
  fill(flags.log_level, file.log_level);
  if (flags.listen.empty()) flags.listen = std::move(file.listen);
  if (flags.down.empty()) flags.down = std::move(file.down);
  if (flags.members.empty()) flags.members = std::move(file.members);
  for (auto& label : file.labels) {
    const bool overridden = std::any_of(flags.labels.begin(), flags.labels.end(),
                                        [&](const auto& flag) { return flag.first == label.first; });
    if (!overridden) flags.labels.push_back(std::move(label));
  }
  return flags;
}

std::pair<std::string, std::string> parse_label(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Failure(ExitCode::kUsage, "--label: '" + text + "' is no label (write KEY=VALUE, e.g. region=eu)");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace cli
