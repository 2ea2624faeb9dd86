// Damages of valid bytes, one after another: what a peer, a disk or an attacker may make of them.
#pragma once

#include "base/random.h"

#include <functional>
#include <string>

inline void for_each_damage(const std::string& valid, const std::function<void(const std::string&)>& look) {
  for (std::size_t length = 0; length < valid.size(); length++) look(valid.substr(0, length));
  for (const char* tail : {"x", "\x90", "\xc1"}) look(valid + tail);
  for (std::size_t at = 0; at < valid.size(); at++) {
    std::string damaged = valid;
    for (int bit = 0; bit < 8; bit++) {
      damaged[at] = static_cast<char>(valid[at] ^ 1 << bit);
      look(damaged);
    }
    // First bytes of msgpack types that claim much: arrays, maps, text, bytes, extensions of up to
    // 2^32.
    for (int byte : {0x00, 0xff, 0xc0, 0xc1, 0xc6, 0xc9, 0xdb, 0xdd, 0xdf, 0x9f, 0x8f}) {
      damaged[at] = static_cast<char>(byte);
      look(damaged);
    }
    look(std::string(valid).erase(at, 1));
    look(std::string(valid).insert(at, 1, '\x91'));
  }
  pinnate::Random random(1);
  for (int i = 0; i < 2000; i++) {
    std::string damaged = valid;
    for (std::uint64_t n = 1 + random.below(6); n > 0; n--)
      damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    look(damaged);
  }
}
