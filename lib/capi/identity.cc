#include "capi/identity.h"

#include "base/names.h"
#include "store/files.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

namespace pinnate::capi {
namespace {

constexpr char kFile[] = "tier-id";
constexpr std::size_t kLongestFile = 256;  // one line

}  // namespace

Result<std::uint64_t> random_number() {
  std::uint64_t number = 0;
  ssize_t got;
  do {
    got = ::getrandom(&number, sizeof number, 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof number)) return {PINNATE_IO, "the operating system gives no random numbers"};
  return number;
}

Result<std::string> random_tier_id(const std::string& role) {
  const Result<std::uint64_t> number = random_number();
  if (!number.ok()) return number.status();
  char digits[13];
  std::snprintf(digits, sizeof digits, "%012llx", static_cast<unsigned long long>(*number & 0xffffffffffff));
  return role + "-" + digits;
}

Result<std::string> random_instance() {
  const Result<std::uint64_t> number = random_number();
  if (!number.ok()) return number.status();
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(*number & 0xffffffff));
  return std::string(digits);
}

Result<std::uint64_t> new_incarnation() {
  const Result<std::uint64_t> number = random_number();
  if (!number.ok()) return number.status();
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  const std::uint64_t incarnation = static_cast<std::uint64_t>(ms) << 20 | (*number & 0xfffff);
  return incarnation == 0 ? std::uint64_t{1} : incarnation;
}

Result<std::string> keep_tier_id(const std::string& dir, const std::string& given, const std::string& fresh) {
  const std::string path = dir + "/" + kFile;
  const Result<std::string> line = store::read_file(path, kLongestFile);
  std::string kept;
  if (line.ok() && !line->empty() && line->back() == '\n') kept = line->substr(0, line->size() - 1);
  const bool sound = check_tier_id(kept).ok();
  if (given.empty()) {
    if (sound) return kept;
    if (line.ok() || line.status().code() == PINNATE_CORRUPT)
      return {PINNATE_CORRUPT,
              "'" + path + "' holds no tier id: give the id in the options, or remove the file to get a new one"};
    if (line.status().code() != PINNATE_NOT_FOUND) return line.status();
  } else if (sound && kept == given) {
    return given;
  }
  const std::string& id = given.empty() ? fresh : given;
  if (Status s = store::replace_file(dir, kFile, id + "\n"); !s.ok()) return s;
  return id;
}

}  // namespace pinnate::capi
