// A sample loader: kind "plain" makes a service of one C function of any shared object, also one
// nobody wrote for Pinnate (libz.so.1, libcrypto.so.3, libsqlite3.so.0). The release's
// configuration names function and signature:
//
//   SYMBOL(ARGUMENTS)RESULT      e.g.  zlibVersion()s   OpenSSL_version(i)s   crc32(ubn)u
//
//   signature  C type                                                 a call's payload its result
//   ()s        const char *f(void)                                    must be empty    the text
//   ()i        int f(void)                                            must be empty    decimal
//   ()u        unsigned long f(void)                                  must be empty    decimal
//   (i)s       const char *f(int)                                     a decimal number the text
//   (u)u       unsigned long f(unsigned long)                         a decimal number decimal
//   (s)i       int f(const char *)                                    text without NUL decimal
//   (ubn)u     unsigned long f(unsigned long, const void *, unsigned) bytes, see below decimal
//
// The first argument of (ubn)u is 0; the other two are the payload's bytes and their number.
//
// The symbol must be the object's own: functions of libraries it depends on (libc's, say) are
// refused.
#pragma once

#include <pinnate/loader.h>

#include <map>
#include <mutex>
#include <string>

namespace cli {

inline constexpr char kPlainSyntax[] =
    "Written SYMBOL(ARGUMENTS)RESULT, one of\n"
    "()s ()i ()u (i)s (u)u (s)i (ubn)u: s text, i int, u unsigned long, b and n the payload's bytes and their count.";

// Must live until the engine it was added to is closed.
class PlainLoader {
 public:
  // `self` points here.
  pinnate_loader table();

  // Objects that stay in the process after dlclose (linked with -z nodelete, as Debian's libcrypto
  // is): their name must never be used for other bytes, since glibc goes by name. So their
  // descriptors stay open, and another load of the same bytes goes by the same name.
  void keep_resident(const std::string& digest, const std::string& path);
  std::string resident_path(const std::string& digest);

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> resident_;  // path by digest
};

}  // namespace cli
