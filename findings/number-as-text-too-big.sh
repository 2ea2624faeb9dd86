#!/usr/bin/env bash
# A number that fits no double is refused by RapidJSON even when numbers are asked for as text.
#
# With kParseNumbersAsStringsFlag the reader hands over the text of a number and converts nothing,
# so that a caller who does not look at a number does not care how large it is. An integer of thirty
# digits passes, and 1e-400 does, but 1e309 ends the whole document with an error, as without the
# flag: the exponent is judged before the flag is looked at. RFC 8259 (section 6) allows such numbers,
# and leaves their range to whoever reads them.
#
# Versions: rapidjson-dev 1.1.0 of Debian 12 (x86-64). Source: rapidjson/reader.h, ParseNumber.
#
# Right for a reader of others' documents: what it skips may still end them. The error is one of the
# document, in words, and takes away nothing that was known before it.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need rapidjson-dev=1.1.0+dfsg2-7.1 g++-12=12.2.0-14+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > read.cc <<'END'
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <cstdio>
#include <initializer_list>

struct Texts : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Texts> {
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    std::printf("as text: %.*s\n", static_cast<int>(size), text);
    return true;
  }
};

int main() {
  for (const char* json : {"1e308", "1e309", "1e-400", "123456789012345678901234567890"}) {
    Texts texts;
    rapidjson::Reader reader;
    rapidjson::StringStream stream(json);
    if (!reader.Parse<rapidjson::kParseNumbersAsStringsFlag>(stream, texts))
      std::printf("%s: %s\n", json, rapidjson::GetParseError_En(reader.GetParseErrorCode()));
  }
}
END
g++-12 -w -o read read.cc
./read > seen
cat > expected <<'END'
as text: 1e308
1e309: Number too big to be stored in double.
as text: 1e-400
as text: 123456789012345678901234567890
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
