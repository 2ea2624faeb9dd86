// What names, versions, ids, labels and platforms may look like. Each check says what is wrong.
#pragma once

#include "base/status.h"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace pinnate {

using Labels = std::map<std::string, std::string>;

Status check_function_name(std::string_view name);
Status check_version(std::string_view version);
Status check_tier_id(std::string_view id);
Status check_fleet(std::string_view fleet);
Status check_label_key(std::string_view key);
Status check_label_value(std::string_view value);
Status check_labels(const Labels& labels);
// Of a call: at most 32, of 8 KiB together; keys 1 to 63 of [a-zA-Z0-9._-], values
// text without NUL, as long as a text on the wire.
Status check_headers(const Labels& headers);
// What modules are told of them: a value, or null; and 0 where there is no such index. What is
// given is a string of `headers`.
const char* header_of(const Labels& headers, const char* key);
int header_at(const Labels& headers, std::size_t index, const char** key, const char** value);
Status check_platform(std::string_view platform);
Status check_loader_kind(std::string_view kind);
std::string no_loader(const std::string& kind, const std::set<std::string>& has);  // in words
Status check_feature(std::string_view feature);

}  // namespace pinnate
