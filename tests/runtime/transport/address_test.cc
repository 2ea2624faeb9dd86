#include <doctest/doctest.h>

#include "runtime/transport/address.h"
#include "runtime/transport/socket.h"

using namespace pinnate;
using namespace pinnate::runtime;

TEST_CASE("an address reads back as it was written") {
  for (const char* text :
       {"tcp://127.0.0.1:7070", "tcp://[::1]:7070", "tcp://edge-7.example:1", "insecure+tcp://0.0.0.0:0",
        "insecure+tcp://[::]:65535", "tcp://[fe80::1%eth0]:80", "unix:/run/pinnate.sock"}) {
    const auto address = parse_address(text);
    REQUIRE_MESSAGE(address.ok(), address.status().message());
    CHECK(address->text() == text);
  }
}

TEST_CASE("a malformed address is refused with words that quote it") {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text : {std::string(""),
                                  std::string("7070"),
                                  std::string("tcp:/x:1"),
                                  std::string("http://x:1"),
                                  std::string("tcp://"),
                                  std::string("tcp://host"),
                                  std::string("tcp://host:"),
                                  std::string("tcp://:1"),
                                  std::string("tcp://host:65536"),
                                  std::string("tcp://host:-1"),
                                  std::string("tcp://host:7x"),
                                  std::string("tcp://::1:70"),
                                  std::string("tcp://[::1]"),
                                  std::string("tcp://[::1"),
                                  std::string("tcp://[::1]70"),
                                  std::string("tcp://a b:1"),
                                  std::string("unix:relative"),
                                  std::string("unix:"),
                                  std::string("unix:/a\0b", 9),
                                  long_path,
                                  "tcp://" + std::string(300, 'h') + ":1"}) {
    const auto address = parse_address(text);
    CHECK_MESSAGE(address.status().code() == PINNATE_INVALID, text);
    CHECK(address.status().message().find("address '") == 0);
  }
}

TEST_CASE("a path of 107 bytes is the longest a UNIX socket takes") {
  CHECK(parse_address("unix:/" + std::string(106, 'x')).ok());
  CHECK(parse_address("unix:/" + std::string(107, 'x')).status().message().find("107") != std::string::npos);
}

TEST_CASE("tls addresses are refused as not supported, in words") {
  const auto address = parse_address("tls://host:1");
  CHECK(address.status().code() == PINNATE_UNSUPPORTED);
  CHECK(address.status().message().find("TLS") != std::string::npos);
}

TEST_CASE("port 0 cannot be dialled") {
  CHECK(parse_dial_address("tcp://localhost:0").status().code() == PINNATE_INVALID);
  CHECK(parse_dial_address("tcp://localhost:1").ok());
}

TEST_CASE("loopback is told from other addresses") {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    CHECK(numeric_address(host, 1)->is_loopback());
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "128.0.0.1", "fe80::1"})
    CHECK_FALSE(numeric_address(host, 1)->is_loopback());
  CHECK_FALSE(numeric_address("localhost", 1).has_value());
}
