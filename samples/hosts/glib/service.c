/* GLib: a service on a main loop of GLib's, and an engine on the same loop: no thread, no lock.
 * It answers each line "FUNCTION PAYLOAD" that comes over its socket with the function's result.
 * Build: cc service.c $(pkg-config --cflags --libs gio-2.0 gio-unix-2.0 pinnate) -o service
 * Run: ./service GATEWAY-ADDRESS PORT */
#include <gio/gio.h>
#include <glib-unix.h>
#include <pinnate/engine.h>
#include <pinnate/loop.h>
#include <string.h>

static pinnate_loop *loop;
static pinnate_engine *engine;
static GMainLoop *main_loop;

/* The library's loop, as a source of GLib's. */
static gboolean prepare(GSource *source, int *timeout_ms) {
  *timeout_ms = pinnate_loop_timeout_ms(loop);
  return *timeout_ms == 0;
}
static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer arg) {
  pinnate_loop_dispatch(loop);
  return G_SOURCE_CONTINUE;
}
static GSourceFuncs library_loop = {.prepare = prepare, .dispatch = dispatch};

/* A connection is asked one line after the other. */
typedef struct { GSocketConnection *socket; GDataInputStream *lines; } client;

static void read_line(client *c);

static void end(client *c) {
  g_object_unref(c->lines);
  g_object_unref(c->socket);
  g_free(c);
}

static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  client *c = arg;
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c->socket));
  GString *line = g_string_new_len(result.data, (gssize)result.size);
  if (status != PINNATE_OK) g_string_printf(line, "error: %s", error);
  g_string_append_c(line, '\n');
  gboolean written = g_output_stream_write_all(out, line->str, line->len, NULL, NULL, NULL);
  g_string_free(line, TRUE);
  if (written) read_line(c);
  else end(c);
}

static void on_line(GObject *lines, GAsyncResult *read, gpointer arg) {
  char *line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(lines), read, NULL, NULL);
  pinnate_call call = PINNATE_CALL_INIT;
  if (!line) return end(arg);
  char *payload = line + strcspn(line, " ");
  if (*payload) *payload++ = '\0';
  call.name = line, call.payload.data = payload, call.payload.size = strlen(payload);
  if (pinnate_engine_call(engine, &call, on_result, arg) != PINNATE_OK)
    on_result(arg, PINNATE_INVALID, pinnate_last_error(), (pinnate_bytes){NULL, 0});
  g_free(line);
}

static void read_line(client *c) {
  g_data_input_stream_read_line_async(c->lines, G_PRIORITY_DEFAULT, NULL, on_line, c);
}

static gboolean on_client(GSocketService *service, GSocketConnection *socket, GObject *source, gpointer arg) {
  client *c = g_new(client, 1);
  c->socket = g_object_ref(socket);
  c->lines = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(socket)));
  read_line(c);
  return TRUE;
}

static void on_closed(void *arg) { g_main_loop_quit(arg); }
static gboolean on_stop(gpointer service) {
  g_socket_service_stop(service);
  pinnate_engine_close(engine, on_closed, main_loop);
  return G_SOURCE_REMOVE;
}

int main(int argc, char **argv) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  GSocketService *service = g_socket_service_new();
  GSource *source = g_source_new(&library_loop, sizeof(GSource));
  if (argc < 3) return 2;
  g_socket_listener_add_inet_port(G_SOCKET_LISTENER(service), (guint16)atoi(argv[2]), NULL, NULL);
  main_loop = g_main_loop_new(NULL, FALSE);
  if (pinnate_loop_new(&loop) != PINNATE_OK) g_error("%s", pinnate_last_error());
  options.tier.id = "glib", options.tier.loop = loop;
  if (pinnate_engine_open(&options, &engine) != PINNATE_OK ||
      pinnate_engine_dial_upstream(engine, argv[1], NULL) != PINNATE_OK)
    g_error("%s", pinnate_last_error());
  g_source_add_unix_fd(source, pinnate_loop_fd(loop), G_IO_IN);
  g_source_attach(source, NULL);
  g_signal_connect(service, "incoming", G_CALLBACK(on_client), NULL);
  g_unix_signal_add(SIGTERM, on_stop, service);
  g_main_loop_run(main_loop);
  pinnate_engine_free(engine);
  return pinnate_loop_free(loop) == PINNATE_OK ? 0 : 1;
}
