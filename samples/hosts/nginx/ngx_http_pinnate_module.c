/* nginx: an engine in each worker. The function that has a location's name answers its requests:
 *     http { pinnate_gateway unix:/run/gateway.sock; server { location /greet { pinnate; } } }
 * A worker accepts once it serves them all, or after 5 s for each: a reload loses no request. */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <pinnate/engine.h>

typedef struct { ngx_str_t gateway; ngx_uint_t count; const char *functions[32]; } main_conf;
typedef struct { ngx_http_request_t *r; pinnate_ticket ticket; ngx_buf_t result; } pending;

ngx_module_t ngx_http_pinnate_module;
static pinnate_engine *engine;
static int news[2]; /* a pipe from the library's thread to the worker: a call that has ended */
static void tell(pending *p) { if (write(news[1], &p, sizeof p) != sizeof p) abort(); }

static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  pending *p = arg;
  p->result.start = p->result.pos = status == PINNATE_OK ? malloc(result.size + 1) : NULL;
  if (p->result.pos) p->result.last = ngx_cpymem(p->result.pos, result.data, result.size);
  tell(p);
}

static void on_news(ngx_event_t *event) {
  for (pending *p; read(news[0], &p, sizeof p) == sizeof p;) {
    ngx_connection_t *c = p->r->connection;
    p->ticket = 0, p->result.memory = p->result.last_buf = 1, p->r->main->blocked--;
    p->r->headers_out.status = NGX_HTTP_OK, p->r->headers_out.content_length_n = ngx_buf_size(&p->result);
    ngx_int_t rc = p->result.pos ? ngx_http_send_header(p->r) : NGX_HTTP_SERVICE_UNAVAILABLE;
    ngx_http_finalize_request(p->r, rc == NGX_OK ? ngx_http_output_filter(p->r, &(ngx_chain_t){&p->result, NULL}) : rc);
    ngx_http_run_posted_requests(c);
  }
}

static void on_request_end(void *arg) { /* answered, or its client has left: then on_news is still to come */
  pending *p = arg;
  if (p->ticket) pinnate_engine_cancel(engine, p->ticket);
  free(p->result.start), p->result.pos = NULL;
}

static void on_body(ngx_http_request_t *r) {
  ngx_http_core_loc_conf_t *location = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
  ngx_http_cleanup_t *end = ngx_http_cleanup_add(r, sizeof(pending));
  ngx_chain_t *body = r->request_body->bufs;
  pinnate_call call = PINNATE_CALL_INIT;
  if (!end || r->request_body->temp_file) return ngx_http_finalize_request(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
  pending *p = memset(end->data, 0, sizeof *p);
  p->r = r, end->handler = on_request_end, r->read_event_handler = ngx_http_test_reading;
  call.name = (char *)location->name.data + 1, call.ticket = &p->ticket;
  if (body) call.payload.data = body->buf->pos, call.payload.size = ngx_buf_size(body->buf);
  r->main->blocked++; /* nothing of it is freed before on_news */
  ngx_add_timer(r->connection->write, 60000); /* a worker that is to exit waits for timers alone */
  if (pinnate_engine_call(engine, &call, on_result, p) != PINNATE_OK) tell(p);
}

static ngx_int_t handle(ngx_http_request_t *r) {
  r->request_body_in_single_buf = 1;
  ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
  return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

static ngx_int_t init_process(ngx_cycle_t *cycle) {
  main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pinnate_module);
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  if (!conf || !conf->count || ngx_process == NGX_PROCESS_HELPER) return NGX_OK;
  options.tier.id = "nginx", options.ephemeral = 1; /* all workers share it; each life has an instance of its own */
  ngx_connection_t *c = pipe(news) || ngx_nonblocking(news[0]) ? NULL : ngx_get_connection(news[0], cycle->log);
  if (!c || pinnate_engine_open(&options, &engine) ||
      pinnate_engine_dial_upstream(engine, (char *)conf->gateway.data, NULL))
    return ngx_log_error_core(NGX_LOG_EMERG, cycle->log, 0, "pinnate: %s", pinnate_last_error()), NGX_ERROR;
  for (ngx_uint_t i = 0; i < conf->count; i++)
    pinnate_engine_when_serving_wait(engine, conf->functions[i], 5000, NULL, 0);
  c->read->channel = 1, c->read->log = cycle->log, c->read->handler = on_news;
  return ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
}

static void exit_process(ngx_cycle_t *cycle) { pinnate_engine_close_wait(engine), pinnate_engine_free(engine); }
static void *create_main_conf(ngx_conf_t *cf) { return ngx_pcalloc(cf->pool, sizeof(main_conf)); }
static char *set_function(ngx_conf_t *cf, ngx_command_t *command, void *arg) {
  ngx_http_core_loc_conf_t *location = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
  main_conf *conf = arg;
  if (conf->count == 32) return "is in too many locations";
  conf->functions[conf->count++] = (char *)location->name.data + 1, location->handler = handle;
  return NGX_CONF_OK;
}

static ngx_command_t commands[] = {{ngx_string("pinnate_gateway"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_str_slot, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("pinnate"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_function, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    ngx_null_command};
static ngx_http_module_t context = {NULL, NULL, create_main_conf, NULL, NULL, NULL, NULL, NULL};
ngx_module_t ngx_http_pinnate_module = {NGX_MODULE_V1, &context, commands, NGX_HTTP_MODULE, NULL, NULL, init_process,
                                        NULL, NULL, exit_process, NULL, NGX_MODULE_V1_PADDING};
