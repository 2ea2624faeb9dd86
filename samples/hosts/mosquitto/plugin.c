/* mosquitto: an engine inside the broker. A function of the fleet rewrites each message that is
 * published to a topic below a prefix. In mosquitto.conf:
 *     plugin /usr/lib/mosquitto/pinnate.so
 *     plugin_opt_gateway unix:/run/gateway.sock
 *     plugin_opt_function scrub
 *     plugin_opt_topic sensors/
 * Build: cc -shared -fPIC plugin.c $(pkg-config --cflags --libs pinnate) -o pinnate.so */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <pinnate/engine.h>
#include <string.h>

static mosquitto_plugin_id_t *plugin;
static pinnate_engine *engine;
static const char *function, *topic;

/* On the broker's own thread, so the function is to be a fast one: messages keep their order. It is
 * told the topic as a header. What it fails is refused, and publishers of MQTT 5 hear so. */
static int on_message(int event, void *data, void *arg) {
  static char result[1 << 20];
  struct mosquitto_evt_message *message = data;
  pinnate_header about = {sizeof about, "topic", message->topic};
  pinnate_call call = PINNATE_CALL_INIT;
  size_t size;
  char error[256];
  if (strncmp(message->topic, topic, strlen(topic)) != 0) return MOSQ_ERR_SUCCESS;
  call.name = function, call.timeout_ms = 100;
  call.payload.data = message->payload, call.payload.size = message->payloadlen;
  call.headers = (const pinnate_header *const[]){&about}, call.header_count = 1;
  if (pinnate_engine_call_into(engine, &call, result, sizeof result, &size, error, sizeof error) != PINNATE_OK) {
    mosquitto_log_printf(MOSQ_LOG_WARNING, "pinnate: %s", error);
    return MOSQ_ERR_ACL_DENIED;
  }
  void *copy = mosquitto_malloc(size + 1); /* the broker frees it */
  if (!copy) return MOSQ_ERR_NOMEM;
  message->payload = memcpy(copy, result, size), message->payloadlen = (uint32_t)size;
  return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions) {
  while (count-- > 0) if (versions[count] == 5) return 5;
  return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **data, struct mosquitto_opt *options, int count) {
  pinnate_engine_options engine_options = PINNATE_ENGINE_OPTIONS_INIT;
  const char *gateway = NULL;
  for (int i = 0; i < count; i++) {
    if (!strcmp(options[i].key, "gateway")) gateway = options[i].value;
    if (!strcmp(options[i].key, "function")) function = options[i].value;
    if (!strcmp(options[i].key, "topic")) topic = options[i].value;
  }
  if (!gateway || !function || !topic) return MOSQ_ERR_INVAL;
  plugin = id;
  engine_options.tier.id = "mosquitto";
  if (pinnate_engine_open(&engine_options, &engine) != PINNATE_OK ||
      pinnate_engine_dial_upstream(engine, gateway, NULL) != PINNATE_OK) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "pinnate: %s", pinnate_last_error());
    return MOSQ_ERR_UNKNOWN;
  }
  /* A broker that begins without the function refuses what is published until it serves it. */
  pinnate_engine_when_serving_wait(engine, function, 5000, NULL, 0);
  return mosquitto_callback_register(plugin, MOSQ_EVT_MESSAGE, on_message, NULL, NULL);
}

int mosquitto_plugin_cleanup(void *data, struct mosquitto_opt *options, int count) {
  mosquitto_callback_unregister(plugin, MOSQ_EVT_MESSAGE, on_message, NULL);
  if (engine) pinnate_engine_close_wait(engine); /* the broker unloads this code next */
  pinnate_engine_free(engine);
  return MOSQ_ERR_SUCCESS;
}
