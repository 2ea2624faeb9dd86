// Messages of name servers: recorded ones, and made ones.
#pragma once

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace pinnate::discovery {

inline std::string recorded(const std::string& name) {
  std::ifstream file(PINNATE_TEST_RECORDED "/dns/" + name + ".bin", std::ios::binary);
  REQUIRE_MESSAGE(file.good(), name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string two_bytes(std::size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
inline std::size_t two_bytes_at(const std::string& bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(at))) << 8 |
         static_cast<unsigned char>(bytes.at(at + 1));
}

inline std::string name_bytes(const std::string& name) {
  std::string bytes;
  for (std::size_t begin = 0; begin < name.size();) {
    const std::string label = name.substr(begin, name.find('.', begin) - begin);
    bytes += static_cast<char>(label.size()) + label;
    begin += label.size() + 1;
  }
  return bytes + '\0';
}

struct Query {
  std::string name;
  int type = 0;
  bool tcp = false;
  std::string bytes{};

  static Query of(const std::string& message, bool tcp) {
    Query query{{}, 0, tcp, message};
    std::size_t at = 12;
    while (message.at(at) != 0) {
      const auto size = static_cast<unsigned char>(message[at]);
      query.name += (query.name.empty() ? "" : ".") + message.substr(at + 1, size);
      at += size + 1u;
    }
    query.type = static_cast<int>(two_bytes_at(message, at + 1));
    return query;
  }
  // As a resolver would send it.
  static Query for_name(const std::string& name, int type) {
    return of(std::string("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12) + name_bytes(name) +
                  two_bytes(static_cast<std::size_t>(type)) + two_bytes(ns_c_in),
              false);
  }
};

constexpr unsigned kAnswers = 0x8580, kCut = 0x0200;  // QR, AA, RD and RA; TC

// The question of `query`, and `records` as its answers.
inline std::string message(const Query& query, const std::vector<std::string>& records, unsigned flags = kAnswers) {
  std::string bytes = query.bytes.substr(0, 2) + two_bytes(flags) + two_bytes(1) + two_bytes(records.size()) +
                      std::string(4, '\0') + query.bytes.substr(12);
  for (const std::string& record : records) bytes += record;
  return bytes;
}

const std::string kAsked("\xc0\x0c", 2);  // the name in the question

inline std::string record(const std::string& owner, int type, std::size_t ttl_s, const std::string& data) {
  return owner + two_bytes(static_cast<std::size_t>(type)) + two_bytes(ns_c_in) + two_bytes(ttl_s >> 16) +
         two_bytes(ttl_s & 0xffff) + two_bytes(data.size()) + data;
}
inline std::string a(const std::string& ip, std::size_t ttl_s = 0, const std::string& owner = kAsked) {
  char bytes[4];
  REQUIRE(inet_pton(AF_INET, ip.c_str(), bytes) == 1);
  return record(owner, ns_t_a, ttl_s, std::string(bytes, 4));
}
inline std::string aaaa(const std::string& ip) {
  char bytes[16];
  REQUIRE(inet_pton(AF_INET6, ip.c_str(), bytes) == 1);
  return record(kAsked, ns_t_aaaa, 0, std::string(bytes, 16));
}
inline std::string cname(const std::string& name, std::size_t ttl_s = 0) {
  return record(kAsked, ns_t_cname, ttl_s, name_bytes(name));
}
inline std::string srv(const std::string& host, std::size_t port) {
  return record(kAsked, ns_t_srv, 0, two_bytes(1) + two_bytes(2) + two_bytes(port) + name_bytes(host));
}
inline std::string nth_ip(std::size_t n) {
  return "10.9." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1);
}
inline std::vector<std::string> many(std::size_t count) {
  std::vector<std::string> records;
  for (std::size_t n = 0; n < count; n++) records.push_back(a(nth_ip(n)));
  return records;
}

}  // namespace pinnate::discovery
