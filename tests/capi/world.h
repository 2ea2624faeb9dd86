// A host: a loop of its own or the library's thread, and handles that are closed before it goes.
#pragma once

#include <pinnate/client.h>
#include <pinnate/controller.h>
#include <pinnate/engine.h>
#include <pinnate/gateway.h>

#include "bell.h"

#include <doctest/doctest.h>
#include <uv.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

inline pinnate_label label(const char* key, const char* value) {
  pinnate_label made = PINNATE_LABEL_INIT;
  made.key = key;
  made.value = value;
  return made;
}

struct World {
  // Without a loop of its own, handles share the library's thread.
  explicit World(bool own_loop) : own(own_loop) {
    if (!own) return;
    REQUIRE(uv_loop_init(&uv) == 0);
    REQUIRE(uv_timer_init(&uv, &tick) == 0);
    uv_timer_start(
        &tick, [](uv_timer_t*) {}, 2, 2);
  }
  ~World() {
    if (!own) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&tick), nullptr);
    uv_run(&uv, UV_RUN_DEFAULT);  // ends: handles leave nothing on the loop
    CHECK(uv_loop_close(&uv) == 0);
  }
  World(const World&) = delete;

  uv_loop_t* loop() { return own ? &uv : nullptr; }

  // Lets things happen until `done` says so. False when it never does. Without a loop of its own it
  // looks when the bell is rung.
  bool until(const std::function<bool()>& done, int limit_ms = 20000) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    if (!own) return bell().await(done, end);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      uv_run(&uv, UV_RUN_ONCE);
    }
    return true;
  }

  const bool own;
  uv_loop_t uv{};
  uv_timer_t tick{};
};

// What an on_closed told.
struct Closed {
  std::atomic<bool> yet{false};
  static void on_closed(void* arg) {
    static_cast<Closed*>(arg)->yet = true;
    bell().ring();
  }
};

// A handle, closed with its owner.
template <class Handle, pinnate_status (*close_handle)(Handle*, pinnate_closed_fn, void*), void (*free_handle)(Handle*)>
struct Owned {
  explicit Owned(World& w) : world(w) {}
  ~Owned() { close(); }
  Owned(const Owned&) = delete;

  operator Handle*() const { return handle; }
  void close() {
    if (!handle) return;
    Closed closed;
    CHECK(close_handle(handle, Closed::on_closed, &closed) == PINNATE_OK);
    CHECK(world.until([&] { return closed.yet.load(); }));
    free_handle(handle);
    handle = nullptr;
  }

  World& world;
  Handle* handle = nullptr;
};
using Controller = Owned<pinnate_controller, pinnate_controller_close, pinnate_controller_free>;
using Gateway = Owned<pinnate_gateway, pinnate_gateway_close, pinnate_gateway_free>;
using Engine = Owned<pinnate_engine, pinnate_engine_close, pinnate_engine_free>;
using Client = Owned<pinnate_client, pinnate_client_close, pinnate_client_free>;

inline pinnate_status open(Controller& controller, const std::string& dir) {
  pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
  options.tier.uv_loop = controller.world.loop();
  options.state_dir = dir.c_str();
  return pinnate_controller_open(&options, &controller.handle);
}
inline pinnate_status open(Gateway& gateway) {
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  options.tier.uv_loop = gateway.world.loop();
  return pinnate_gateway_open(&options, &gateway.handle);
}
inline pinnate_status open(Engine& engine, const char* id = nullptr, std::uint32_t close_limit_ms = 0) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  options.tier.uv_loop = engine.world.loop();
  options.tier.id = id;
  options.close_limit_ms = close_limit_ms;
  return pinnate_engine_open(&options, &engine.handle);
}
inline pinnate_status open(Client& client, const std::string& to) {
  pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
  options.tier.uv_loop = client.world.loop();
  options.to = to.c_str();
  return pinnate_client_open(&options, &client.handle);
}

inline bool says(const char* words) { return std::string(pinnate_last_error()).find(words) != std::string::npos; }
